//! What verdicts need from /proc, control groups and namespaces. Refuses to know a cause and to judge.
