//! Loads the committed object and attaches its programs, each by itself: one that cannot be had
//! costs its view and is named, and only the loss of both reset hooks is an error.

use std::io::Read as _;

use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::Program;
use aya::{Ebpf, EbpfLoader, Endianness};
use flate2::read::ZlibDecoder;
use whyreset_evidence::Blindness;

use crate::abi::{Filtered, Tuple};
use crate::btf_enum::{Btf, EnumNames};
use crate::{AttachError, Options, sys};

/// The object, as the build script packs it.
static OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/whyreset.bpf.o.z"));

/// The object as it was committed. Its reader wants it aligned to words, as every allocation of this size
/// is.
fn object() -> std::io::Result<Vec<u8>> {
    let mut object = Vec::new();
    ZlibDecoder::new(OBJECT).read_to_end(&mut object)?;
    Ok(object)
}

/// Bytes of the event ring where nothing else is asked for.
const RING_BYTES: u32 = 4 << 20;

/// Sets of two owners and of four tombstones, tried in turn: kernels before 5.11 charge maps
/// against RLIMIT_MEMLOCK.
const SETS: [u32; 3] = [8_192, 2_048, 512];

const RST_REASON: &str = "sk_rst_reason";
const DROP_REASON: &str = "skb_drop_reason";
/// Member of `bpf_prog_aux` in kernels that pass over the tracing programs of others while process 1 is
/// `current`: a timer or a segment that interrupts it is not seen.
const SPARES_INIT: &str = "init_owned";

/// What a running kernel offers, and the attached programs that hold it.
pub struct Attached {
    /// Dropping it detaches everything.
    #[expect(dead_code, reason = "the programs stay attached for as long as this lives")]
    ebpf: Ebpf,
    pub ring: RingBuf<MapData>,
    pub lost: PerCpuArray<MapData, u64>,
    pub symbols: Array<MapData, u64>,
    /// Segments that a filter dropped, by their addresses, source as local.
    pub filtered: HashMap<MapData, Tuple, Filtered>,
    pub missing: Vec<Blindness>,
    pub names: Names,
    /// Resets that answer a segment without a full socket are reported (6.10 and newer).
    pub reply_resets: bool,
    /// Dropped segments are reported with a reason (5.17 and newer).
    pub drops: bool,
}

/// The running kernel's words.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub reset: EnumNames,
    pub drop: EnumNames,
}

struct Hook {
    program: &'static str,
    tracepoint: &'static str,
    lost: &'static str,
}

const HOOKS: [Hook; 5] = [
    Hook {
        program: "on_send_reset",
        tracepoint: "tcp_send_reset",
        lost: "resets that this host sends",
    },
    Hook {
        program: "on_receive_reset",
        tracepoint: "tcp_receive_reset",
        lost: "resets that this host receives",
    },
    Hook {
        program: "on_set_state",
        tracepoint: "inet_sock_set_state",
        lost: "who opened and who closed a connection, and timeouts",
    },
    Hook {
        program: "on_kfree_skb",
        tracepoint: "kfree_skb",
        lost: "refused resets and segments that a firewall dropped",
    },
    Hook {
        program: "on_signal",
        tracepoint: "signal_generate",
        lost: "who killed a process",
    },
];

/// The end of a handshake was dropped because the accept queue was full (Linux 6.16 and newer).
pub const LISTEN_OVERFLOW: &str = "TCP_LISTEN_OVERFLOW";

/// A set of drop reasons as the program takes it: one bit a number.
fn bits(names: &EnumNames, wanted: &[&str]) -> [u64; 4] {
    let mut set = [0u64; 4];
    for number in wanted
        .iter()
        .filter_map(|name| names.value(&format!("SKB_DROP_REASON_{name}")))
    {
        if let Some(word) = set.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }
    set
}

/// Loads and attaches.
///
/// # Errors
/// The kernel's refusal, with what to do about it.
pub fn attach(options: &Options) -> Result<Attached, AttachError> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").map_err(|error| {
        AttachError(format!(
            "cannot read /sys/kernel/btf/vmlinux: {error}; run as root"
        ))
    })?;
    let known = Btf::new(&bytes);
    let names = known.as_ref().map_or_else(Names::default, |btf| Names {
        reset: btf.enumeration(RST_REASON),
        drop: btf.enumeration(DROP_REASON),
    });
    let spares_init = known.is_some_and(|btf| btf.has_name(SPARES_INIT));
    let reply_resets = !names.reset.is_empty();
    let drops = !names.drop.is_empty();
    let btf = aya::Btf::parse(&bytes, Endianness::default()).map_err(|error| {
        AttachError(format!(
            "the kernel's BTF cannot be understood: {error}; please report the kernel version"
        ))
    })?;
    drop(bytes);
    let mut ebpf = load(options, &btf, &names, reply_resets)?;
    let mut missing = Vec::new();
    let mut attached = 0;
    for hook in &HOOKS {
        if hook.tracepoint == "kfree_skb" && !drops {
            missing.push(Blindness {
                what: hook.lost.to_owned(),
                cure: "this kernel gives no reason with a dropped packet; Linux 5.17 or newer does"
                    .to_owned(),
            });
            continue;
        }
        match attach_one(&mut ebpf, &btf, hook) {
            Ok(()) => attached += usize::from(hook.tracepoint.ends_with("_reset")),
            Err(error) => missing.push(Blindness {
                what: hook.lost.to_owned(),
                cure: format!("tracepoint {} could not be attached: {error}", hook.tracepoint),
            }),
        }
    }
    if attached == 0 {
        let why = missing
            .first()
            .map_or_else(String::new, |blind| blind.cure.clone());
        return Err(AttachError(format!("no reset can be seen on this kernel: {why}")));
    }
    if spares_init {
        missing.push(Blindness {
            what: "what happens while process 1 runs".to_owned(),
            cure: "this kernel lets no tracing program of others run then; only another kernel shows it"
                .to_owned(),
        });
    }
    if !reply_resets {
        missing.push(Blindness {
            what: "the sending side of resets that answer a segment without a full socket".to_owned(),
            cure: "Linux 6.10 or newer reports them; until then the receiving side and drops stand in"
                .to_owned(),
        });
    }
    let ring = take(&mut ebpf, "events", RingBuf::try_from)?;
    let lost = take(&mut ebpf, "lost", PerCpuArray::try_from)?;
    let symbols = take(&mut ebpf, "symbols", Array::try_from)?;
    let filtered = take(&mut ebpf, "filtered", HashMap::try_from)?;
    drop(btf);
    sys::return_free_memory();
    Ok(Attached {
        ebpf,
        ring,
        lost,
        symbols,
        filtered,
        missing,
        names,
        reply_resets,
        drops,
    })
}

fn load(options: &Options, btf: &aya::Btf, names: &Names, reply_resets: bool) -> Result<Ebpf, AttachError> {
    let netns = options.netns.unwrap_or(0);
    let filtered = bits(&names.drop, &["NETFILTER_DROP", LISTEN_OVERFLOW]);
    let refused = bits(
        &names.drop,
        &["TCP_RESET", "TCP_INVALID_SEQUENCE", "TCP_OLD_SEQUENCE"],
    );
    // Where the kernel reports such a reset itself, the drop beside it only says it twice.
    let unanswered = if reply_resets {
        [0; 4]
    } else {
        bits(&names.drop, &["NO_SOCKET"])
    };
    let mut refusal = String::new();
    let object =
        object().map_err(|error| AttachError(format!("the eBPF object cannot be unpacked: {error}")))?;
    for sets in SETS {
        let ring = options.ring.unwrap_or(RING_BYTES).min(sets.saturating_mul(512));
        let ring = ring.max(1 << 16).next_power_of_two();
        let (wakeup, mask) = (ring / 4, sets - 1);
        let loaded = EbpfLoader::new()
            .btf(Some(btf))
            .override_global("only_netns", &netns, true)
            .override_global("wakeup_bytes", &wakeup, true)
            .override_global("drops_filtered", &filtered, true)
            .override_global("drops_refused", &refused, true)
            .override_global("drops_unanswered", &unanswered, true)
            .map_max_entries("events", ring)
            .override_global("set_mask", &mask, true)
            .map_max_entries("owners", sets)
            .map_max_entries("tombstones", sets)
            .map_max_entries("partings", sets)
            .load(&object);
        match loaded {
            Ok(ebpf) => return Ok(ebpf),
            Err(error) => refusal = chain(&error),
        }
    }
    Err(AttachError(format!(
        "the kernel refused the eBPF maps or object: {refusal}; CAP_BPF and CAP_PERFMON are needed, run with sudo"
    )))
}

fn attach_one(ebpf: &mut Ebpf, btf: &aya::Btf, hook: &Hook) -> Result<(), String> {
    match ebpf.program_mut(hook.program) {
        Some(Program::RawTracePoint(program)) => {
            program.load().map_err(|error| chain(&error))?;
            program.attach(hook.tracepoint).map_err(|error| chain(&error))?;
        }
        Some(Program::BtfTracePoint(program)) => {
            program
                .load(hook.tracepoint, btf)
                .map_err(|error| chain(&error))?;
            program.attach().map_err(|error| chain(&error))?;
        }
        _ => return Err("it is not in the object".to_owned()),
    }
    Ok(())
}

fn take<T, E: std::error::Error>(
    ebpf: &mut Ebpf,
    name: &str,
    open: impl FnOnce(aya::maps::Map) -> Result<T, E>,
) -> Result<T, AttachError> {
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| AttachError(format!("map {name} is not in the object")))?;
    open(map).map_err(|error| AttachError(format!("map {name} cannot be opened: {error}")))
}

/// An error and everything behind it on one line: the verifier's last words matter most.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    shorten(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The verifier's log can be a book; its beginning and its end tell most.
fn shorten(text: &str) -> String {
    const KEPT: usize = 240;
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 2 * KEPT {
        return text.to_owned();
    }
    let (head, tail) = (&chars[..KEPT], &chars[chars.len() - KEPT..]);
    format!(
        "{} ... {}",
        head.iter().collect::<String>(),
        tail.iter().collect::<String>()
    )
}
