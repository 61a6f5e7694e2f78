//! A TCP proxy that breaks connections on purpose: every kind of reset on demand, switched while it
//! runs by the command line and by an HTTP API that toxiproxy's clients speak.
//!
//! With no fault on, what one end does arrives at the other as it was done: a FIN as a FIN, a reset
//! as a reset. Refuses to change anything outside its own sockets, to judge, and to be fast at the
//! price of telling an end what the other one did not do.

mod api;
mod connection;
mod count;
mod ending;
mod fault;
mod gate;
mod kind;
mod lane;
mod limit;
mod listen;
mod plan;
mod proxy;
mod registry;
mod relay;
mod run;
mod shaped;
mod sys;

pub use count::Summary;
pub use fault::{Fault, Refusal};
pub use kind::{How, KINDS, Kind, Stream};
pub use run::{Settings, run};
