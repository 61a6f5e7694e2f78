//! Resets that only repeat or answer behind another one, which not every place captured: each is told once,
//! with its echoes. Refuses to take for an echo what came long after.

use alloc::vec::Vec;

use super::Point;
use crate::key::Key;
use crate::table::HORIZON_NS;

/// Point, connection and place of a copy.
type Copy = (usize, Key, usize);

/// What came before a reset in its name, at places that tell more than the one that told it.
pub struct Echo {
    /// Elsewhere it only came behind another one, which its sender's own place lacks.
    pub is_behind_another: bool,
    /// Those others, which are told with it.
    pub copies: Vec<Copy>,
    /// The group of one that was told before.
    pub group: Option<usize>,
}

/// What came before the reset that `index` told and that `sender`, the place nearest to its sender, has.
pub fn of(points: &[Point], index: usize, sender: usize, copies: &[Copy]) -> Echo {
    let before = |point: usize| {
        let found = copies.iter().find(|(other, ..)| *other == point);
        found.map_or_else(Vec::new, |copy| earlier(points, *copy))
    };
    let had = before(sender).len();
    let mut echo = Echo {
        is_behind_another: false,
        copies: Vec::new(),
        group: None,
    };
    for (point, ..) in copies.iter().filter(|(point, ..)| *point != index) {
        let resets = before(*point);
        let more = sender == index && resets.len() > had;
        echo.is_behind_another |= more;
        // What was forged behind the sender's place is not told with what passed there.
        if more || *point == sender {
            echo.group = echo.group.or(resets.iter().find_map(|(_, group)| *group));
            echo.copies.extend(resets.into_iter().map(|(copy, _)| copy));
        }
    }
    echo
}

/// The resets of the same direction shortly before this one, each with the group it was told in.
fn earlier(points: &[Point], (point, key, place): Copy) -> Vec<(Copy, Option<usize>)> {
    let Some(resets) = points[point].flows.get(&key).map(|seen| &seen.resets) else {
        return Vec::new();
    };
    let Some(reset) = resets.get(place) else {
        return Vec::new();
    };
    let before = resets.iter().enumerate().take(place);
    before
        .filter(|(_, one)| one.direction == reset.direction)
        .filter(|(_, one)| reset.at.saturating_sub(one.at) < HORIZON_NS)
        .map(|(place, one)| ((point, key, place), one.group))
        .collect()
}
