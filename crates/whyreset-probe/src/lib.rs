//! Asks one endpoint from the client's side: what it answers and how it ends ([`ask`]), after
//! which silence the path forgets a connection ([`idle`]), and which hop resets ([`trace`]).
//!
//! Refuses to send to anything but the target that it was given, to wait or to read without a
//! bound, and to say why: the facts go to the judge as a dossier ([`dossier`]).

pub mod ask;
mod connect;
pub mod dossier;
mod http;
pub mod idle;
mod info;
pub mod json;
mod line;
mod outcome;
mod reading;
mod sys;
mod talk;
mod target;
pub mod text;
mod tls;
pub mod trace;
pub mod words;

pub use http::request as http_request;
pub use info::{Icmp, TcpInfo};
pub use line::Stop;
pub use outcome::{Attempt, End, Exchange, Heard, Report, Stage};
pub use reading::{Asked, Guess, Reading, read};
pub use talk::Script;
pub use target::Target;
pub use tls::{Tls, TlsClient, TlsOptions, alert_name};
