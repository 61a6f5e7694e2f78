//! The relay under faults: data waits in lanes until it may go, and what breaks the connection is
//! looked for at every step. Refuses to end a connection itself; it says how it is to end.

use std::io;
use std::pin::pin;
use std::task::Poll;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::connection::Orders;
use crate::ending;
use crate::kind::How;
use crate::lane::{Item, Lane};
use crate::plan::{Plan, Strike};
use crate::relay::{self, Link, Side};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both ends have ended in order.
    Over,
    /// This end was lost.
    Lost(Side),
    /// Other orders came.
    Orders,
    /// A fault closes the connection in order.
    Close,
    /// A fault resets both ends.
    Reset,
    /// A fault breaks one end.
    Broken(How, Side),
}

/// Data on its way in both directions, and the last moment when any passed.
#[derive(Debug)]
pub(crate) struct Lanes {
    up: Lane,
    down: Lane,
    active: Instant,
}

impl Lanes {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            up: Lane::default(),
            down: Lane::default(),
            active: now,
        }
    }

    /// Sets what the plan has in the way of the data. `false`: the connection cannot go on.
    pub(crate) fn set(&mut self, plan: &Plan, number: u64, now: Instant) -> bool {
        let up = self.up.set(&plan.shapes(Side::Server), number, now);
        let down = self.down.set(&plan.shapes(Side::Client), number, now);
        up && down
    }

    /// Gives what waits to the bare relay.
    pub(crate) fn hand_over(&mut self, link: &mut Link) {
        for toward in [Side::Client, Side::Server] {
            let waiting = self.toward(toward).drain();
            link.toward_mut(toward).keep(&waiting);
        }
    }

    fn toward(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Client => &mut self.down,
            Side::Server => &mut self.up,
        }
    }

    /// Since when nothing has passed, where nothing waits either.
    fn quiet(&self) -> Option<Instant> {
        (self.up.is_empty() && self.down.is_empty()).then_some(self.active)
    }
}

/// One connection under faults.
struct Run<'a> {
    link: &'a mut Link,
    plan: &'a mut Plan,
    lanes: &'a mut Lanes,
}

/// Relays under faults.
pub(crate) async fn run(link: &mut Link, plan: &mut Plan, lanes: &mut Lanes, orders: &mut Orders) -> End {
    let now = Instant::now();
    for toward in [Side::Client, Side::Server] {
        let waiting = link.toward_mut(toward).take_pending();
        if !waiting.is_empty() {
            lanes.toward(toward).push(Item::Data(waiting), now);
        }
    }
    let mut run = Run { link, plan, lanes };
    loop {
        // Before any data: what comes after orders were given is under them.
        if !matches!(orders.has_changed(), Ok(false)) {
            return End::Orders;
        }
        match run.step() {
            Err(end) => return end,
            // A busy connection lets others go first, too.
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => {
                if let Some(end) = run.wait(orders).await {
                    return end;
                }
            }
        }
    }
}

impl Run<'_> {
    /// Does what can be done now; whether anything was.
    fn step(&mut self) -> Result<bool, End> {
        let now = Instant::now();
        if self.plan.hangs() {
            return Ok(false);
        }
        let mut busy = false;
        // What has its time comes before data that has just arrived, which one that leaves data unread
        // must find unread; how long it was silent shows only when that data is read.
        if let Some(strike) = self.plan.by_time(now, None, self.link) {
            self.strike(strike)?;
            busy = true;
        }
        for side in [Side::Client, Side::Server] {
            busy |= self.hear(side, now)?;
        }
        for side in [Side::Client, Side::Server] {
            busy |= self.tell(side, now)?;
            if self.lanes.toward(side).closes(now) {
                return Err(End::Close);
            }
        }
        if let Some(strike) = self.plan.by_time(now, self.lanes.quiet(), self.link) {
            self.strike(strike)?;
            busy = true;
        }
        let (up, down) = (&self.link.up, &self.link.down);
        if up.ended() && down.ended() {
            return Err(match (up.gone, down.gone) {
                (true, _) => End::Lost(Side::Server),
                (_, true) => End::Lost(Side::Client),
                _ => End::Over,
            });
        }
        Ok(busy)
    }

    /// Whether this side is to be read now.
    fn reads(&mut self, side: Side) -> bool {
        let half = self.link.toward(side.other());
        !half.eof && !half.gone && !self.plan.hangs() && self.lanes.toward(side.other()).has_room()
    }

    /// Reads once from this side.
    fn hear(&mut self, side: Side, now: Instant) -> Result<bool, End> {
        if !self.reads(side) {
            return Ok(false);
        }
        let armed = self.plan.armed(side);
        let begins = side == Side::Client && self.link.answered && self.plan.counts_requests();
        if armed.is_some() || begins {
            match peek(self.link.stream(side)) {
                Ok(0) => {}
                Ok(_) => {
                    if let Some(strike) = armed {
                        self.plan.done(strike);
                        return Err(End::Broken(strike.how, strike.victim));
                    }
                    if let Some(strike) = self.plan.on_request(self.link.requests + 1) {
                        self.strike(strike)?;
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(_) => return Err(End::Lost(side)),
            }
        }
        let mut room = [0; CHUNK];
        match relay::read(self.link.stream(side), &mut room) {
            Ok(0) => {
                self.link.toward_mut(side.other()).eof = true;
                self.lanes.toward(side.other()).push(Item::Fin, now);
            }
            Ok(count) => {
                self.link.heard(side);
                self.lanes.active = now;
                if !self.link.toward(side.other()).sink {
                    let data = Item::Data(room[..count].to_vec());
                    self.lanes.toward(side.other()).push(data, now);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Err(End::Lost(side)),
        }
        Ok(true)
    }

    /// Does what is due toward this side.
    fn tell(&mut self, side: Side, now: Instant) -> Result<bool, End> {
        let mut busy = false;
        while let Some(item) = self.lanes.toward(side).due(now) {
            let data = match item {
                Item::Data(data) => data,
                Item::Close => return Err(End::Close),
                Item::Reset => return Err(End::Reset),
                Item::Fin => {
                    self.lanes.toward(side).wrote(0);
                    self.link.toward_mut(side).fin = true;
                    ending::finish(self.link.stream(side));
                    continue;
                }
            };
            let half = self.link.toward(side);
            if half.gone || half.sink {
                self.lanes.toward(side).drain();
                // Who was told of the end already need not be told again.
                if half.sink && half.eof {
                    self.link.toward_mut(side).fin = true;
                }
                return Ok(true);
            }
            let most = self.plan.allowance(side, half.turn);
            let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
            let mut count = 0;
            if most > 0 {
                match self.link.stream(side).try_write(&data[..data.len().min(most)]) {
                    Ok(written) => count = written,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(busy),
                    Err(_) => {
                        self.link.toward_mut(side).gone = true;
                        self.lanes.toward(side).drain();
                        return Ok(true);
                    }
                }
            }
            self.lanes.toward(side).wrote(count);
            self.link.toward_mut(side).wrote_through(count);
            self.lanes.active = now;
            busy = true;
            if let Some(strike) = self.plan.spent(side, self.link.toward(side).turn) {
                self.strike(strike)?;
                return Ok(true);
            }
            if count == 0 {
                // Nothing may pass until the fault is done that has struck already.
                return Ok(false);
            }
        }
        Ok(busy)
    }

    /// A fault's moment has come.
    fn strike(&mut self, strike: Strike) -> Result<(), End> {
        match strike.how {
            How::Linger | How::LateWrite => {
                self.plan.done(strike);
                return Err(End::Broken(strike.how, strike.victim));
            }
            How::Unread => self.plan.arm(strike),
            How::Hang => self.plan.hang(strike),
            How::HalfClose => {
                self.plan.done(strike);
                self.link.toward_mut(strike.victim).sink = true;
                self.link.toward_mut(strike.victim).fin = true;
                self.lanes.toward(strike.victim).drain();
                ending::finish(self.link.stream(strike.victim));
            }
        }
        Ok(())
    }

    /// Waits until something can be done.
    async fn wait(&mut self, orders: &mut Orders) -> Option<End> {
        let now = Instant::now();
        let hangs = self.plan.hangs();
        let reads = [Side::Client, Side::Server].map(|side| self.reads(side));
        let writes = [Side::Client, Side::Server].map(|side| {
            let blocked = self.plan.allowance(side, self.link.toward(side).turn) == Some(0);
            !hangs && !blocked && self.lanes.toward(side).due(now).is_some()
        });
        let moments = [
            self.lanes.up.next(now),
            self.lanes.down.next(now),
            self.plan.next(self.lanes.quiet(), self.link),
        ];
        // What hangs waits for nothing but the end of the fault.
        let moment = moments.into_iter().flatten().min().filter(|_| !hangs);
        let streams = [&self.link.client, &self.link.server];
        let mut change = pin!(orders.changed());
        let mut time = pin!(sleep_until(moment.unwrap_or(now)));
        let mut client_lost = pin!(streams[0].ready(Interest::ERROR));
        let mut server_lost = pin!(streams[1].ready(Interest::ERROR));
        std::future::poll_fn(move |context| {
            if change.as_mut().poll(context).is_ready() {
                return Poll::Ready(Some(End::Orders));
            }
            if !reads[0] && client_lost.as_mut().poll(context).is_ready() {
                return Poll::Ready(Some(End::Lost(Side::Client)));
            }
            if !reads[1] && server_lost.as_mut().poll(context).is_ready() {
                return Poll::Ready(Some(End::Lost(Side::Server)));
            }
            let mut woken = moment.is_some() && time.as_mut().poll(context).is_ready();
            for (stream, (read, write)) in streams.into_iter().zip(reads.into_iter().zip(writes)) {
                woken |= read && stream.poll_read_ready(context).is_ready();
                woken |= write && stream.poll_write_ready(context).is_ready();
            }
            if woken { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

/// How many bytes wait to be read; 0: the sender has ended.
fn peek(stream: &TcpStream) -> io::Result<usize> {
    stream.try_io(Interest::READABLE, || {
        let (count, _) = recv(stream, &mut [0_u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
        Ok(count)
    })
}
