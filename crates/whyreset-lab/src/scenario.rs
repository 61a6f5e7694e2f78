//! The list of scenarios, and what one declares. Refuses to judge: a scenario only makes a cause
//! happen and says what the truth is.

mod accept_queue_overflow;
mod admin_abort;
mod bad_handshake_ack;
mod bad_syn_ack;
mod balancer_forgot;
mod bridge_reject;
mod connect_abandoned;
mod connection_forgotten;
mod crashed_unread;
mod disconnect_abort;
mod exited_unread;
mod fd_limit;
mod fin_wait_expired;
mod firewall_reject;
mod forged;
mod gone_at_once;
mod healthy;
mod keepalive_race;
mod keepalive_timeout;
mod killed_then_written;
mod killed_unread;
mod killed_with_queue;
mod late_close_notify;
mod late_last_ack;
mod linger2_abort;
mod linger_abort;
mod linger_inherited;
mod mptcp_fastclose;
mod never_accepted;
mod no_listener;
mod nvme_host_refused;
mod nvme_target_reset;
mod nvme_target_unread;
mod oom_killed;
mod orphan_limit;
mod retransmission_timeout;
mod shared_socket;
mod shutdown_then_data;
mod stray_syn;
mod tcp_memory;
mod terminated_unread;
mod time_wait_overflow;
mod timestamp_rejected;
mod unread_by_client;
mod unread_data;
mod user_timeout;
mod write_after_close;
mod write_after_fin_timeout;

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, bail};

use crate::need::Need;
use crate::run::{How, Outcome, run_one};
use crate::script::{self, Script};
use crate::stage::Stage;
use crate::topology::{Family, Host};
use crate::truth::Truth;

/// One cause, made to happen for real.
pub struct Scenario {
    /// kebab-case id.
    pub id: &'static str,
    /// The cause id that is the truth.
    pub cause: &'static str,
    /// What is done, in one line.
    pub summary: &'static str,
    /// What the machine must have.
    pub(crate) needs: &'static [Need],
    /// About how long the steps take, in seconds.
    pub seconds: u32,
    /// What stands at the client's end.
    pub(crate) client: Host,
    /// What stands at the server's end.
    pub(crate) server: Host,
    /// One of the basic resets, which also run on plain loopback.
    pub basic: bool,
    /// Why it cannot be played on IPv6, where it cannot.
    pub(crate) ipv4_only: Option<&'static str>,
    /// Makes it happen.
    pub(crate) steps: Steps,
    /// What happened.
    pub(crate) truth: Truth,
}

/// How a scenario is played.
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    /// Sockets of our own, a step at a time.
    Code(fn(&mut Stage) -> anyhow::Result<()>),
    /// The same, with a router between the two ends.
    Across(fn(&mut Stage) -> anyhow::Result<()>),
    /// Real programs on hosts of their own.
    Script(&'static Script),
}

/// What nearly every scenario needs.
const NAMESPACES: &[Need] = &[Need::Namespaces];

/// All scenarios, in the order in which they are listed: the kernel's, then those of real software.
pub fn scenarios() -> &'static [&'static Scenario] {
    static ALL: LazyLock<Vec<&'static Scenario>> = LazyLock::new(|| {
        KERNEL
            .iter()
            .copied()
            .chain(&forged::SCENARIOS)
            .chain(script::all())
            .collect()
    });
    &ALL
}

/// Those made by sockets of our own, which show one place in the kernel each.
static KERNEL: &[&Scenario] = &[
    &unread_data::SCENARIO,
    &unread_by_client::SCENARIO,
    &linger_abort::SCENARIO,
    &linger_inherited::SCENARIO,
    &write_after_close::SCENARIO,
    &write_after_fin_timeout::SCENARIO,
    &late_close_notify::SCENARIO,
    &late_last_ack::SCENARIO,
    &shutdown_then_data::SCENARIO,
    &killed_unread::SCENARIO,
    &terminated_unread::SCENARIO,
    &crashed_unread::SCENARIO,
    &exited_unread::SCENARIO,
    &killed_then_written::SCENARIO,
    &oom_killed::SCENARIO,
    &no_listener::SCENARIO,
    &never_accepted::SCENARIO,
    &killed_with_queue::SCENARIO,
    &accept_queue_overflow::SCENARIO,
    &fd_limit::SCENARIO,
    &keepalive_race::SCENARIO,
    &keepalive_timeout::SCENARIO,
    &user_timeout::SCENARIO,
    &retransmission_timeout::SCENARIO,
    &admin_abort::SCENARIO,
    &disconnect_abort::SCENARIO,
    &linger2_abort::SCENARIO,
    &bad_syn_ack::SCENARIO,
    &bad_handshake_ack::SCENARIO,
    &timestamp_rejected::SCENARIO,
    &connect_abandoned::SCENARIO,
    &stray_syn::SCENARIO,
    &connection_forgotten::SCENARIO,
    &mptcp_fastclose::SCENARIO,
    &shared_socket::SCENARIO,
    &gone_at_once::SCENARIO,
    &firewall_reject::SCENARIO,
    &bridge_reject::SCENARIO,
    &balancer_forgot::SCENARIO,
    &nvme_host_refused::SCENARIO,
    &nvme_target_reset::SCENARIO,
    &nvme_target_unread::SCENARIO,
    &healthy::SCENARIO,
    &orphan_limit::SCENARIO,
    &tcp_memory::SCENARIO,
    &fin_wait_expired::SCENARIO,
    &time_wait_overflow::SCENARIO,
];

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl Scenario {
    /// By its id, or from a file of the user's own, whose name ends in `.toml`.
    ///
    /// # Errors
    /// There is none of that id, or the file is not a scenario.
    pub fn find(id: &str) -> anyhow::Result<&'static Self> {
        let path = Path::new(id);
        if path.extension().is_some_and(|extension| extension == "toml") {
            return script::open(path);
        }
        let known = scenarios().iter().copied().find(|scenario| scenario.id == id);
        known.with_context(|| format!("no scenario {id}; `whyreset lab list` shows them"))
    }

    /// The commands by which a person can repeat it. One that is made by sockets of our own is
    /// played for it, unwatched, and tells what its actors were told.
    ///
    /// # Errors
    /// It could not be played.
    pub fn explain(&'static self, program: &Path, family: Family) -> anyhow::Result<String> {
        let head = format!(
            "# {}: {}\n# It ends with: {}\n\n",
            self.id, self.summary, self.cause
        );
        let done = match self.steps {
            Steps::Script(script) => script.explain(),
            Steps::Code(_) | Steps::Across(_) => {
                let report = run_one(program, self, family, &How::default());
                if let Outcome::Skipped(why) | Outcome::Broken(why) = report.outcome {
                    bail!("{}: {why}", self.id);
                }
                format!(
                    "# The actors are `whyreset actor hand name=NAME netns=PATH`; each takes such lines on its stdin.\n{}\n",
                    report.done.join("\n")
                )
            }
        };
        Ok(head + &done + "\n")
    }

    /// The programs that it runs.
    pub fn software(&self) -> Vec<&'static str> {
        self.needs.iter().filter_map(|need| need.program()).collect()
    }

    /// Whether its resets are made by real programs.
    pub const fn is_software(&self) -> bool {
        matches!(self.steps, Steps::Script(_))
    }

    /// Why the client's program cannot be run by an ordinary user, where it cannot.
    pub fn client_needs_root(&self) -> Option<&str> {
        match self.steps {
            Steps::Script(script) => script.client_needs_root(),
            Steps::Code(_) | Steps::Across(_) => None,
        }
    }

    /// Whether there may be a moment in it at which the connection stands that will be reset. Of
    /// one that is made by sockets of our own only the playing tells.
    pub(crate) fn may_be_joined(&self) -> bool {
        match self.steps {
            Steps::Script(script) => script.may_be_joined(),
            Steps::Code(_) | Steps::Across(_) => true,
        }
    }

    /// Why it cannot run here on this address family.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn probe_on(&self, family: Family) -> Result<(), String> {
        match (family, self.ipv4_only) {
            (Family::V6, Some(why)) => Err(why.to_owned()),
            _ => self.probe(),
        }
    }

    /// Why it cannot run here.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn probe(&self) -> Result<(), String> {
        self.needs.iter().try_for_each(|need| need.probe())
    }
}
