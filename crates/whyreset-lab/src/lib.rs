//! Causes made to happen by real sockets in namespaces, and the tour. Refuses to link the
//! product: it runs the built binary as a stranger would.

pub mod actor;
mod cgroup;
mod compare;
pub mod demo;
mod ip;
mod kernel;
mod life;
mod lookout;
mod loopback;
mod machine;
mod need;
mod netns;
mod nvme;
mod puppet;
mod run;
mod said;
mod scenario;
mod script;
mod stage;
mod sys;
mod topology;
mod truth;
mod under_run;
mod watcher;
mod wire;

pub use life::sweep;
pub use lookout::WatchFrom;
pub use need::{Need, packages};
pub use run::{
    How, Options, Outcome, Report, Seen, Wire, list_json, list_text, run_basic, run_one, run_several,
};
pub use said::Said;
pub use scenario::{Scenario, scenarios};
pub use topology::Family;
pub use watcher::Watcher;
pub use wire::Frame;
