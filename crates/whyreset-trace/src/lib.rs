//! Runs a command and tells of every connection failure that it or its children meet, without any
//! privilege: a seccomp filter has the few calls stop that open, end or ask a socket, and at each the
//! kernel is asked for the socket as it is ([`run`]).
//!
//! Refuses to change a call, a signal or a stream of the command, and to say why a connection failed:
//! the facts go to the judge as a dossier ([`dossier`]).

mod address;
mod book;
mod calls;
mod decide;
pub mod dossier;
mod failure;
mod filter;
pub mod json;
mod look;
mod reading;
mod run;
mod signals;
mod sys;
pub mod text;
mod tracer;
mod waiting;

pub use failure::{Failure, How, Known, Own, Stage};
pub use reading::{Reading, read};
pub use run::{Held, Unable, hold};
pub use tracer::{Event, Follow};
