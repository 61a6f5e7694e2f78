//! The five acts. Each is played by two real processes. Refuses to fake an answer: what the
//! client tells is what its kernel gave it.

use rustix::process::Signal;

use super::{Act, Listener, Speaker, plain};
use crate::puppet::Puppet;
use crate::stage::Stage;
use crate::topology::End;

const SERVER: &str = "demo-server";
const CLIENT: &str = "demo-client";

/// In the order in which they are played.
pub static ACTS: &[Act] = &[
    Act {
        title: "nobody listens on the port",
        ladder: None,
        play: refused,
    },
    Act {
        title: "the server closes without reading everything",
        ladder: Some("in place of a FIN: data was lost"),
        play: unread,
    },
    Act {
        title: "the server closes, and the client writes again",
        ladder: None,
        play: late,
    },
    Act {
        title: "the server asks for an abort (SO_LINGER 0)",
        ladder: None,
        play: linger,
    },
    Act {
        title: "the server is killed",
        ladder: None,
        play: killed,
    },
];

struct Cast<'a, 'b> {
    server: Puppet,
    client: Puppet,
    tell: Listener<'a>,
    stage: &'b mut Stage,
}

impl<'a, 'b> Cast<'a, 'b> {
    /// A server that listens and a client that has not connected yet.
    fn new(stage: &'b mut Stage, tell: Listener<'a>) -> anyhow::Result<Self> {
        let mut server = stage.actor(End::Server, SERVER)?;
        let wanted = std::net::SocketAddr::new(stage.address(End::Server), 0);
        let address = server.expect(&format!("listen {wanted}"), "listening")?.parse()?;
        stage.is_about(address);
        let client = stage.actor(End::Client, CLIENT)?;
        tell(
            Speaker::Server,
            &format!("listens on {address} (demo-server[{}])", server.pid()),
        );
        Ok(Self {
            server,
            client,
            tell,
            stage,
        })
    }

    fn address(&self) -> String {
        self.stage
            .server_address()
            .map(|address| address.to_string())
            .unwrap_or_default()
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        let connect = format!("connect {}", self.address());
        self.client(&connect, "connects")?;
        self.server.expect("accept", "accepted")?;
        Ok(())
    }

    /// The client does one thing, tells what it got, and what that means.
    fn client(&mut self, command: &str, words: &str) -> anyhow::Result<()> {
        let answer = self.client.ask(command)?;
        // The first word: the rest repeats addresses and sizes.
        let result = answer.strip_prefix("error ").unwrap_or(&answer);
        let result = result.split(' ').next().unwrap_or_default();
        (self.tell)(Speaker::Client, &format!("{words:32} -> {result}"));
        if let Some(meaning) = plain(&answer) {
            (self.tell)(Speaker::Plain, meaning);
        }
        Ok(())
    }

    fn server(&mut self, command: &str, words: &str) -> anyhow::Result<()> {
        self.server.expect(command, "")?;
        (self.tell)(Speaker::Server, words);
        Ok(())
    }

    fn sleep(&mut self) -> anyhow::Result<()> {
        (self.tell)(Speaker::Client, "sleeps for half a second");
        self.client.expect("pause 500", "ok").map(|_| ())
    }

    /// Keeps both alive until the watcher has spoken: their end may send more.
    fn bow(self) {
        self.stage.keep((self.server, self.client));
    }
}

fn refused(stage: &mut Stage, tell: Listener<'_>) -> anyhow::Result<()> {
    let mut cast = Cast::new(stage, tell)?;
    cast.server("close-listener", "stops listening")?;
    let connect = format!("connect {}", cast.address());
    cast.client(&connect, "connects")?;
    cast.bow();
    Ok(())
}

fn unread(stage: &mut Stage, tell: Listener<'_>) -> anyhow::Result<()> {
    let mut cast = Cast::new(stage, tell)?;
    cast.connect()?;
    cast.client("send 4000", "sends a request of 4000 bytes")?;
    cast.server("await 4000; recv 88", "reads the first 88 bytes")?;
    cast.server("close", "closes the socket; 3912 bytes were never read")?;
    cast.sleep()?;
    cast.client("send 10", "sends again")?;
    cast.client("send 10", "and again")?;
    cast.bow();
    Ok(())
}

fn late(stage: &mut Stage, tell: Listener<'_>) -> anyhow::Result<()> {
    let mut cast = Cast::new(stage, tell)?;
    cast.connect()?;
    cast.client("send 100", "sends a request of 100 bytes")?;
    cast.server("recv 100", "reads all of it")?;
    cast.server("close", "closes the socket")?;
    cast.sleep()?;
    cast.client("recv 1", "looks for an answer")?;
    cast.client("send 10", "sends again all the same")?;
    cast.sleep()?;
    cast.client("send 10", "and again")?;
    cast.bow();
    Ok(())
}

fn linger(stage: &mut Stage, tell: Listener<'_>) -> anyhow::Result<()> {
    let mut cast = Cast::new(stage, tell)?;
    cast.connect()?;
    cast.client("send 100", "sends a request of 100 bytes")?;
    cast.server("recv 100", "reads all of it")?;
    cast.server(
        "set linger=0; close",
        "sets SO_LINGER to 0 seconds and closes the socket",
    )?;
    cast.sleep()?;
    cast.client("recv 1", "looks for an answer")?;
    cast.client("send 10", "sends again")?;
    cast.bow();
    Ok(())
}

fn killed(stage: &mut Stage, tell: Listener<'_>) -> anyhow::Result<()> {
    let mut cast = Cast::new(stage, tell)?;
    cast.connect()?;
    cast.client("send 100", "sends a request of 100 bytes")?;
    cast.server("await 100", "is busy and has not read it yet")?;
    cast.server.kill(Signal::KILL)?;
    (cast.tell)(Speaker::Server, "is killed (SIGKILL)");
    cast.sleep()?;
    cast.client("send 10", "sends again")?;
    cast.client("send 10", "and again")?;
    cast.bow();
    Ok(())
}
