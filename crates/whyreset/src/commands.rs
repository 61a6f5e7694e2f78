//! One file a command: it reads its arguments, wires the rooms together, and gives an exit code.

pub mod actor;
pub mod audit;
pub mod demo;
pub mod explain;
pub mod lab;
pub mod logs;
pub mod probe;
pub mod proxy;
pub mod read;
pub mod run;
pub mod warden;
pub mod watch;
