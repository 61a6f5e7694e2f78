//! The limit of descriptors: raised as far as it may be, and what that is enough for. Refuses to
//! start with fewer than was asked for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where nothing is asked for.
const USUAL: usize = 10_000;
/// Descriptors for all but connections: listeners, the API, the runtime.
const OWN: u64 = 96;
/// Two ends each.
const EACH: u64 = 2;

/// Raises the limit for so many connections; how many it is enough for.
///
/// # Errors
/// It is not enough for what was asked for: why and the cure.
pub(crate) fn raise(asked: Option<usize>, notice: &(dyn Fn(&str) + Send + Sync)) -> Result<usize, String> {
    let wanted = asked.unwrap_or(USUAL).max(1);
    let need = EACH * wanted as u64 + OWN;
    let now = getrlimit(Resource::Nofile);
    let hard = now.maximum.unwrap_or(u64::MAX);
    let mut have = now.current.unwrap_or(u64::MAX);
    if have < need {
        let maximum = Some(hard.max(need)).filter(|_| now.maximum.is_some());
        let with = |current: u64, maximum| Rlimit {
            current: Some(current),
            maximum,
        };
        // Beyond the hard limit only CAP_SYS_RESOURCE goes, as far as fs.nr_open.
        if hard < need && setrlimit(Resource::Nofile, with(need, maximum)).is_ok() {
            have = need;
        } else if setrlimit(Resource::Nofile, with(hard.min(need), now.maximum)).is_ok() {
            have = hard.min(need);
        }
    }
    if have >= need {
        return Ok(wanted);
    }
    let enough = usize::try_from(have.saturating_sub(OWN) / EACH).unwrap_or(usize::MAX);
    let cure = format!(
        "descriptors for {enough} connections only (hard limit {hard}, needed {need}); raise it with \
         `ulimit -Hn {need}` as root, LimitNOFILE={need} in a unit, or `docker run --ulimit nofile={need}`"
    );
    match asked {
        Some(_) => Err(format!("--max-connections {wanted}: {cure}")),
        None if enough == 0 => Err(cure),
        None => {
            notice(&format!(
                "{cure}; --max-connections {enough} says so without this line"
            ));
            Ok(enough)
        }
    }
}
