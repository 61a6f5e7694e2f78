//! The seccomp filter that makes a command stop at the few calls that open, end or ask a socket, and
//! at no other. Refuses to change what any call does: it allows or tells.

use crate::sys::Instruction;

/// Loads the 32-bit word at an offset of `struct seccomp_data`.
const LOAD: u16 = 0x20;
/// Jumps where the word equals the constant.
const EQUAL: u16 = 0x15;
/// Jumps where the word has one of the constant's bits.
const HAS: u16 = 0x45;
/// Ends with the constant.
const RETURN: u16 = 0x06;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const TELL: u32 = libc::SECCOMP_RET_TRACE;

/// Offsets in `struct seccomp_data` (linux/seccomp.h), little-endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// `AUDIT_ARCH_*` (linux/audit.h): calls of another kind of program are let through unseen.
#[cfg(target_arch = "x86_64")]
const OURS: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OURS: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OURS: u32 = 0;

/// Calls that are told whatever their arguments.
#[cfg(target_arch = "x86_64")]
const TOLD: &[libc::c_long] = &[
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_dup,
    libc::SYS_shutdown,
    libc::SYS_dup2,
    libc::SYS_dup3,
    libc::SYS_close_range,
    libc::SYS_io_uring_setup,
];
#[cfg(not(target_arch = "x86_64"))]
const TOLD: &[libc::c_long] = &[
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_dup,
    libc::SYS_shutdown,
    libc::SYS_dup3,
    libc::SYS_close_range,
    libc::SYS_io_uring_setup,
];

/// The whole program.
pub(crate) fn program() -> Vec<Instruction> {
    let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
    let mut program = vec![
        one(LOAD, ARCHITECTURE, 0, 0),
        one(EQUAL, OURS, 1, 0),
        one(RETURN, ALLOW, 0, 0),
        one(LOAD, NUMBER, 0, 0),
    ];
    for &call in TOLD {
        program.push(one(EQUAL, number(call), 0, 1));
        program.push(one(RETURN, TELL, 0, 0));
    }
    // getsockopt(fd, SOL_SOCKET, SO_ERROR): how programs that do not wait learn of a failure.
    program.extend([
        one(EQUAL, number(libc::SYS_getsockopt), 0, 6),
        one(LOAD, argument(1), 0, 0),
        one(EQUAL, libc::SOL_SOCKET.cast_unsigned(), 0, 3),
        one(LOAD, argument(2), 0, 0),
        one(EQUAL, libc::SO_ERROR.cast_unsigned(), 0, 1),
        one(RETURN, TELL, 0, 0),
        one(RETURN, ALLOW, 0, 0),
    ]);
    program.extend([
        one(EQUAL, number(libc::SYS_fcntl), 0, 5),
        one(LOAD, argument(1), 0, 0),
        one(EQUAL, libc::F_DUPFD.cast_unsigned(), 1, 0),
        one(EQUAL, libc::F_DUPFD_CLOEXEC.cast_unsigned(), 0, 1),
        one(RETURN, TELL, 0, 0),
        one(RETURN, ALLOW, 0, 0),
    ]);
    // sendto and sendmsg that connect as they send (RFC 7413).
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2)] {
        program.extend([
            one(EQUAL, number(call), 0, 4),
            one(LOAD, argument(flags), 0, 0),
            one(HAS, libc::MSG_FASTOPEN.cast_unsigned(), 0, 1),
            one(RETURN, TELL, 0, 0),
            one(RETURN, ALLOW, 0, 0),
        ]);
    }
    program.push(one(RETURN, ALLOW, 0, 0));
    program
}

const fn one(code: u16, k: u32, then: u8, otherwise: u8) -> Instruction {
    Instruction {
        code,
        jt: then,
        jf: otherwise,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter says of a call.
    fn run(arch: u32, number: libc::c_long, args: [u32; 6]) -> u32 {
        let word = |offset: u32| match offset {
            NUMBER => u32::try_from(number).unwrap(),
            ARCHITECTURE => arch,
            other => args[((other - 16) / 8) as usize],
        };
        let program = program();
        let (mut at, mut held) = (0, 0);
        loop {
            let one = &program[at];
            at += 1;
            match one.code {
                LOAD => held = word(one.k),
                RETURN => return one.k,
                EQUAL => at += usize::from(if held == one.k { one.jt } else { one.jf }),
                HAS => at += usize::from(if held & one.k == 0 { one.jf } else { one.jt }),
                code => panic!("{code}"),
            }
        }
    }

    #[test]
    fn only_what_opens_ends_or_asks_a_socket_stops() {
        let none = [0; 6];
        for call in TOLD {
            assert_eq!(run(OURS, *call, none), TELL, "{call}");
            assert_eq!(run(OURS ^ 1, *call, none), ALLOW, "{call}");
        }
        for call in [
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_recvfrom,
            libc::SYS_openat,
        ] {
            assert_eq!(run(OURS, call, none), ALLOW, "{call}");
        }
        let (level, error) = (libc::SOL_SOCKET.cast_unsigned(), libc::SO_ERROR.cast_unsigned());
        assert_eq!(run(OURS, libc::SYS_getsockopt, [3, level, error, 0, 0, 0]), TELL);
        assert_eq!(
            run(OURS, libc::SYS_getsockopt, [3, level, error + 1, 0, 0, 0]),
            ALLOW
        );
        assert_eq!(run(OURS, libc::SYS_getsockopt, [3, 6, error, 0, 0, 0]), ALLOW);
        let copy = libc::F_DUPFD_CLOEXEC.cast_unsigned();
        assert_eq!(run(OURS, libc::SYS_fcntl, [3, copy, 0, 0, 0, 0]), TELL);
        assert_eq!(run(OURS, libc::SYS_fcntl, [3, 0, 0, 0, 0, 0]), TELL);
        assert_eq!(run(OURS, libc::SYS_fcntl, [3, 4, 0, 0, 0, 0]), ALLOW);
        let fast = libc::MSG_FASTOPEN.cast_unsigned();
        assert_eq!(run(OURS, libc::SYS_sendto, [3, 0, 0, fast | 0x4000, 0, 0]), TELL);
        assert_eq!(run(OURS, libc::SYS_sendto, [3, 0, 0, 0x4000, 0, 0]), ALLOW);
        assert_eq!(run(OURS, libc::SYS_sendmsg, [3, 0, fast, 0, 0, 0]), TELL);
    }
}
