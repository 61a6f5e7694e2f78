//! All checks, in the order in which equally grave findings are told. One line registers one.

mod counting;

macro_rules! checks {
    ($($module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// All checks.
        pub static CHECKS: &[&crate::Check] = &[$(&$module::CHECK),+];
    };
}

checks!(
    accept_queue_full,
    accept_queue_small,
    abort_on_overflow,
    somaxconn,
    syn_backlog,
    syncookies_failed,
    close_unread,
    close_data,
    linger,
    linger2,
    user_timeout,
    close_wait,
    fd_limit,
    cgroup_memory,
    restarts,
    keepalive_race,
    idle_forgotten,
    keepalive_hasty,
    gave_up,
    retries2,
    fin_timeout,
    orphans,
    tcp_memory,
    aborts_for_memory,
    conntrack_full,
    conntrack_timeout,
    conntrack_invalid,
    reset_rules,
    local_ports,
    time_wait_buckets,
    connects_failed,
    resets_sent,
    connections_reset,
    foreign_icmp,
    challenged,
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::CHECKS;

    #[test]
    fn every_declaration_is_whole_and_its_causes_are_in_the_catalogue() {
        let ids: HashSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
        for check in CHECKS {
            assert!(!check.causes.is_empty(), "{}", check.id);
            for cause in check.causes {
                assert!(whyreset_causes::find(cause).is_some(), "{}: {cause}", check.id);
            }
            let sentence = |text: &str| !text.is_empty() && !text.ends_with('.');
            assert!(sentence(check.why) && sentence(check.reads), "{}", check.id);
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(check.id.chars().all(kebab), "{}", check.id);
        }
    }

    #[test]
    fn a_host_where_nothing_is_has_no_finding() {
        assert!(crate::audit(&crate::made::host()).is_empty());
        assert!(crate::audit(&crate::Host::default()).is_empty());
    }
}
