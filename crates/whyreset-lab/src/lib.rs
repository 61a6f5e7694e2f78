//! Causes made to happen by real sockets in namespaces, and the tour. Refuses to link the
//! product: it runs the built binary as a stranger would.

pub mod actor;
mod cgroup;
mod compare;
mod ip;
mod life;
mod loopback;
mod need;
mod netns;
mod puppet;
mod run;
mod said;
mod scenario;
mod stage;
mod sys;
mod topology;
mod truth;
mod watcher;
pub mod wire;

pub use compare::compare;
pub use life::sweep;
pub use need::Need;
pub use netns::Namespace;
pub use puppet::Puppet;
pub use run::{Options, Outcome, Report, Seen, list_json, list_text, run_basic, run_one, run_several};
pub use said::Said;
pub use scenario::{SCENARIOS, Scenario};
pub use stage::{CLIENT, KEEPER, Pair, SERVER, Stage};
pub use topology::{End, Family, Host, Topology};
pub use truth::{Accused, Truth, Vantage, View};
pub use watcher::Watcher;
