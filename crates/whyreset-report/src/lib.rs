//! Verdicts to text, JSON v1 and the ladder diagram. Refuses to judge and to call a source.
