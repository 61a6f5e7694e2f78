//! What a client's errors mean in plain words. Refuses to explain what it does not know.

/// The plain meaning of an actor's answer (`error ECONNRESET recv`), where it needs one.
pub fn plain(answer: &str) -> Option<&'static str> {
    let mut words = answer.split(' ');
    match (words.next()?, words.next()) {
        ("eof", _) => {
            Some("end of stream: the server said goodbye in good order (FIN). Nothing is lost, yet.")
        }
        ("error", Some("ECONNREFUSED")) => Some(
            "refused: there never was a connection. The host is there, but no program listens on that port.",
        ),
        ("error", Some("ECONNRESET")) => Some(
            "reset: there was a connection, and the other side threw it away. What was under way is lost.",
        ),
        ("error", Some("EPIPE")) => Some(
            "broken pipe: I wrote to a connection that my own kernel already knows to be dead: the reset had come before.",
        ),
        _ => None,
    }
}
