//! The catalogue of causes and the judge that holds each of them against a dossier.
//!
//! A cause is a static declaration beside its page: what it requires, what excludes it, how it is
//! put into words, how to fix it. Every face walks [`CATALOG`]; nowhere is there a branch on one
//! cause's id.
//!
//! This crate refuses to know where a fact came from, to read a clock, and to print.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ask;
mod catalog;
mod cause;
mod class;
mod dying;
mod filter;
mod gone;
mod idle;
mod judge;
pub mod messages;
mod page;
mod passing;
mod pattern;
mod reading;
mod service;
mod testimony;
mod timers;
mod wire;
mod words;

pub use catalog::{CATALOG, UNKNOWN, find};
pub use cause::{Accuse, Cause, From, Group, Requirement, Rules, Situation};
pub use class::{Class, Gist};
pub use idle::{forgotten, known as known_timers};
pub use judge::{Opinion, Standing, judge, opinions};
pub use page::{Case, Page};
pub use testimony::{EVERYDAY, Everyday};
