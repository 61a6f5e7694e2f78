//! Reads what may change while it is read: again, until nothing did. Refuses to call whole what it
//! never saw at rest.

/// Times that it is read because it changed meanwhile, before what changes faster is taken as it comes.
const TIMES: u32 = 3;

/// Whether it rested while it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It did, and this was counted before and after; `None` where nobody counts.
    At(Option<u32>),
    /// It changes faster than it can be read.
    Never,
}

/// What `read` gives once `count` has told the same before and after.
pub(super) fn read<T, E>(
    mut count: impl FnMut() -> Option<u32>,
    mut read: impl FnMut() -> Result<T, E>,
) -> Result<(T, Settled), E> {
    let mut before = count();
    for _ in 0..TIMES {
        let all = read()?;
        let after = count();
        if after == before {
            return Ok((all, Settled::At(after)));
        }
        before = after;
    }
    Ok((read()?, Settled::Never))
}

#[cfg(test)]
mod tests {
    use super::{Settled, read};

    /// What is read in turn while these are counted, and how often.
    fn reading(counts: &[u32]) -> (u32, Settled, u32) {
        let (mut counts, mut times) = (counts.iter(), 0);
        let (all, settled) = read(
            || counts.next().copied(),
            || {
                times += 1;
                Ok::<_, ()>(times)
            },
        )
        .unwrap();
        (all, settled, times)
    }

    #[test]
    fn what_changed_meanwhile_is_read_again() {
        assert_eq!(reading(&[7, 7]), (1, Settled::At(Some(7)), 1));
        assert_eq!(reading(&[7, 8, 8]), (2, Settled::At(Some(8)), 2));
        assert_eq!(reading(&[7, 8, 9, 9]), (3, Settled::At(Some(9)), 3));
    }

    #[test]
    fn what_never_rests_is_not_called_whole() {
        assert_eq!(reading(&[1, 2, 3, 4, 5, 6]), (4, Settled::Never, 4));
    }

    #[test]
    fn where_nobody_counts_it_is_read_once() {
        assert_eq!(reading(&[]), (1, Settled::At(None), 1));
    }

    #[test]
    fn a_failure_is_told() {
        assert_eq!(read(|| Some(1), || Err::<(), _>("no")), Err("no"));
    }
}
