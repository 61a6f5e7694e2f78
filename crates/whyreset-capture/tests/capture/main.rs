//! Captures made by hand, byte by byte, held against what the reader says of them. Needs no privilege; what
//! it compares with other programs is skipped, and said so, where they are not installed.

mod abreast;
mod annotating;
mod bytes;
mod failures;
mod hostile;
mod legacy;
mod lots;
mod others;
mod packed;
mod pcapng;
mod splitting;
mod streams;
