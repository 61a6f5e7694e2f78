//! Verdicts to text, JSON v1, pages and the ladder diagram. Refuses to judge and to call a source.

#![forbid(unsafe_code)]

pub mod escape;
pub mod explain;
pub mod html;
pub mod json_v1;
pub mod ladder;
pub mod markdown;
pub mod messages;
pub mod page;
mod paint;
pub mod summary;
pub mod text;
pub mod wrap;
