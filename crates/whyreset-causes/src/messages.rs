//! What runtimes, servers and tools say when a connection fails: declared once, for every face.
//! Refuses to print, and to take a message for more than it can say.

mod amqp;
mod aws;
mod browser;
mod curl;
mod dotnet;
mod envoy;
mod erlang;
mod generic;
mod git;
mod go;
mod grpc;
mod haproxy;
mod http2;
mod java;
mod kafka;
mod likely;
mod mongodb;
mod mysql;
mod nginx;
mod node;
mod openssh;
mod php;
mod postgresql;
mod python;
mod redis;
mod ruby;
mod rust;
mod states;
mod tls;
mod wget;
mod windows;

pub use likely::Likely;
pub use states::{HAPROXY_FIRST, HAPROXY_SECOND, haproxy_state};

/// How a connection can have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A reset of an open connection.
    Reset,
    /// An orderly close (FIN).
    Close,
    /// A reset, or an ICMP message, that answered the SYN.
    Refused,
    /// Nothing came.
    Timeout,
    /// This end ended it by itself.
    Own,
    /// Nothing that TCP knows of.
    Above,
}

impl End {
    /// All of them, in the order they are told.
    pub const ALL: [Self; 6] = [
        Self::Reset,
        Self::Close,
        Self::Refused,
        Self::Timeout,
        Self::Own,
        Self::Above,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Close => "orderly close",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Own => "own doing",
            Self::Above => "above TCP",
        }
    }
}

/// One message of a runtime.
pub struct Message {
    /// kebab-case id, unique among messages, causes and situations.
    pub id: &'static str,
    /// Lower-case patterns, any of which is it; `*` stands for anything between two fragments.
    pub says: &'static [&'static str],
    /// As it is printed.
    pub example: &'static str,
    /// What it is in the kernel's terms.
    pub errno: &'static str,
    /// What really happened on the socket.
    pub socket: &'static str,
    /// Which ends it can stand for in this runtime and version, and how; the others it cannot.
    pub can: &'static [(End, &'static str)],
    /// What it does not mean, where people take it for that.
    pub not: &'static str,
    /// Causes that can be behind it, the likeliest first.
    pub likely: &'static [&'static Likely],
}

/// How a failure is handled rightly in one runtime's code.
pub struct Handling {
    /// When a retry is safe, and how to know.
    pub retry: &'static str,
    /// Settings of pools and time-outs by name.
    pub pool: &'static str,
    /// Keep-alive and heartbeats.
    pub alive: &'static str,
    /// The order of a graceful end.
    pub stop: &'static str,
}

/// Who words messages, and its messages. The order of the messages is the rule: one whose words
/// also contain another's words stands before it.
pub struct Runtime {
    /// kebab-case id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How to handle its failures.
    pub handling: Handling,
    /// What it says.
    pub messages: &'static [Message],
}

/// Every runtime, those with the most particular words first: the order is the rule.
pub static RUNTIMES: &[&Runtime] = &[
    &envoy::RUNTIME,
    &aws::RUNTIME,
    &nginx::RUNTIME,
    &haproxy::RUNTIME,
    &git::RUNTIME,
    &openssh::RUNTIME,
    &curl::RUNTIME,
    &wget::RUNTIME,
    &browser::RUNTIME,
    &grpc::RUNTIME,
    &postgresql::RUNTIME,
    &mysql::RUNTIME,
    &redis::RUNTIME,
    &mongodb::RUNTIME,
    &kafka::RUNTIME,
    &amqp::RUNTIME,
    &php::RUNTIME,
    &ruby::RUNTIME,
    &erlang::RUNTIME,
    &rust::RUNTIME,
    &java::RUNTIME,
    &dotnet::RUNTIME,
    &windows::RUNTIME,
    &node::RUNTIME,
    &python::RUNTIME,
    &http2::RUNTIME,
    &tls::RUNTIME,
    &go::RUNTIME,
    &generic::RUNTIME,
];

/// Every message with its runtime, in the order of the rule.
pub fn all() -> impl Iterator<Item = (&'static Runtime, &'static Message)> {
    RUNTIMES
        .iter()
        .flat_map(|runtime| runtime.messages.iter().map(move |message| (*runtime, message)))
}

/// The message with this id.
pub fn message(id: &str) -> Option<(&'static Runtime, &'static Message)> {
    all().find(|(_, message)| message.id == id)
}

/// The message that `text`, in lower case, is.
pub fn recognise(text: &str) -> Option<(&'static Runtime, &'static Message)> {
    all().find(|(_, message)| message.says.iter().any(|pattern| says(pattern, text)))
}

/// Whether `text` holds the fragments of `pattern` one after another.
pub fn says(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|fragment| match rest.find(fragment) {
        Some(at) => {
            rest = &rest[at + fragment.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests;
