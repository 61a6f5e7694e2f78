//! Look-ups in a small tree of our own, where pids can be given again and processes can vanish.

use whyreset_evidence::Process;

use crate::ProcessTable;
use crate::fake::Fake;

fn described(table: &mut ProcessTable, pid: u32, name: &str, cgroup: Option<u64>) -> Process {
    let mut process = Process::new(pid, name);
    table.describe(&mut process, cgroup);
    process
}

fn nginx(fake: &Fake) -> u64 {
    let id = fake.cgroup("/system.slice/nginx.service");
    fake.process(812, "nginx", 100, 'S');
    fake.exe(812, "/usr/sbin/nginx");
    fake.write("proc/812/cgroup", "0::/system.slice/nginx.service\n");
    fake.socket(812, 7, 4242);
    id
}

#[test]
fn a_living_process_is_described_whole() {
    let fake = Fake::new();
    nginx(&fake);
    let mut table = ProcessTable::below(fake.root());
    let process = described(&mut table, 812, "nginx", None);
    assert_eq!(process.exe.as_deref(), Some("/usr/sbin/nginx"));
    assert_eq!(process.cgroup.as_deref(), Some("/system.slice/nginx.service"));
    assert_eq!(process.unit.as_deref(), Some("nginx.service"));
    assert_eq!(process.alive, Some(true));
}

#[test]
fn the_map_is_asked_again_before_it_is_believed() {
    let fake = Fake::new();
    nginx(&fake);
    let mut table = ProcessTable::below(fake.root());
    table.scan();
    assert_eq!(table.holder_of(4242, None), Some(Process::new(812, "nginx")));
    // Handed to another process of the same service.
    fake.remove("proc/812/fd/7");
    fake.process(900, "nginx", 300, 'S');
    fake.socket(900, 9, 4242);
    fake.write(
        "sys/fs/cgroup/system.slice/nginx.service/cgroup.procs",
        "812\n900\n",
    );
    assert_eq!(table.find_beside(4242, 812), Some(900));
    assert_eq!(table.holder_of(4242, None), Some(Process::new(900, "nginx")));
    fake.remove("proc/900");
    assert_eq!(table.holder_of(4242, None), None);
    assert_eq!(table.holder_of(0, Some(812)), None);
}

#[test]
fn the_likely_one_is_asked_first_and_a_new_one_is_found_by_a_scan() {
    let fake = Fake::new();
    nginx(&fake);
    let mut table = ProcessTable::below(fake.root());
    table.scan();
    fake.process(5, "late", 900, 'S');
    fake.socket(5, 3, 77);
    fake.socket(812, 8, 77);
    assert_eq!(
        table.holder_of(77, Some(812)).map(|process| process.pid),
        Some(812)
    );
    fake.socket(5, 4, 78);
    assert_eq!(table.holder_of(78, None).map(|process| process.pid), Some(5));
    assert_eq!(table.holder_of(78, Some(812)).map(|process| process.pid), Some(5));
    assert_eq!(table.holder_of(78, Some(6)).map(|process| process.pid), Some(5));
}

#[test]
fn a_storm_of_unknown_sockets_does_not_scan_for_each() {
    let fake = Fake::new();
    let mut table = ProcessTable::below(fake.root());
    let begin = std::time::Instant::now();
    for inode in 1..200 {
        assert_eq!(table.holder_of(inode, None), None);
    }
    fake.process(5, "late", 900, 'S');
    fake.socket(5, 3, 77);
    // The credit is gone; it comes back at a tenth of the time.
    if begin.elapsed() < std::time::Duration::from_millis(500) {
        assert_eq!(table.holder_of(77, None), None);
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(table.holder_of(77, None).map(|process| process.pid), Some(5));
}

#[test]
fn a_pid_given_again_does_not_lend_its_executable() {
    let fake = Fake::new();
    let id = nginx(&fake);
    let mut table = ProcessTable::below(fake.root());
    table.scan();
    fake.process(812, "backup", 900, 'S');
    fake.exe(812, "/usr/bin/backup");
    fake.write("proc/812/cgroup", "0::/system.slice/backup.service\n");
    let process = described(&mut table, 812, "nginx", Some(id));
    assert_eq!(process.exe, None);
    assert_eq!(process.alive, None);
    // The event's own group still tells the service.
    assert_eq!(process.unit.as_deref(), Some("nginx.service"));
    // And the same name later, after another start, is read anew.
    fake.process(812, "nginx", 950, 'S');
    fake.exe(812, "/opt/nginx");
    assert_eq!(
        described(&mut table, 812, "nginx", None).exe.as_deref(),
        Some("/opt/nginx")
    );
}

#[test]
fn a_process_that_is_gone_is_known_from_the_scan_and_its_group() {
    let fake = Fake::new();
    let id = nginx(&fake);
    let mut table = ProcessTable::below(fake.root());
    table.scan();
    fake.remove("proc/812");
    let process = described(&mut table, 812, "nginx", Some(id));
    assert_eq!(process.exe.as_deref(), Some("/usr/sbin/nginx"));
    assert_eq!(process.alive, Some(false));
    let stranger = described(&mut table, 812, "curl", None);
    assert_eq!((stranger.exe, stranger.cgroup), (None, None));
}

#[test]
fn a_process_never_met_is_known_by_its_group_alone() {
    let fake = Fake::new();
    let pod = "7b6d4f0e_52f1_4a5c_9d33_0a1b2c3d4e5f";
    let container = "0123456789abcdef".repeat(4);
    let id = fake.cgroup(&format!(
        "/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{container}.scope"
    ));
    let mut table = ProcessTable::below(fake.root());
    let process = described(&mut table, 4000, "java", Some(id));
    assert_eq!(process.container, Some(container));
    assert_eq!(process.pod, Some(pod.replace('_', "-")));
    assert_eq!(process.alive, Some(false));
    assert_eq!(
        described(&mut table, 4000, "java", Some(id ^ 1 << 60)).cgroup,
        None
    );
}

#[test]
fn a_zombie_is_not_alive_and_keeps_what_it_was() {
    let fake = Fake::new();
    nginx(&fake);
    let mut table = ProcessTable::below(fake.root());
    table.scan();
    fake.process(812, "nginx", 100, 'Z');
    fake.remove("proc/812/exe");
    let process = described(&mut table, 812, "nginx", None);
    assert_eq!(process.alive, Some(false));
    assert_eq!(process.exe.as_deref(), Some("/usr/sbin/nginx"));
}

#[test]
fn a_thread_speaks_for_its_process() {
    let fake = Fake::new();
    fake.process(30, "java", 1, 'S');
    fake.exe(30, "/usr/bin/java");
    fake.write("proc/30/task/31/comm", "http-nio-8080-e\n");
    let mut table = ProcessTable::below(fake.root());
    for _ in 0..2 {
        let process = described(&mut table, 30, "http-nio-8080-e", None);
        assert_eq!(process.exe.as_deref(), Some("/usr/bin/java"));
    }
    fake.remove("proc/30");
    let process = described(&mut table, 30, "http-nio-8080-e", None);
    assert_eq!(process.exe.as_deref(), Some("/usr/bin/java"));
}

#[test]
fn absence_proves_nothing_where_processes_are_hidden_or_counted_otherwise() {
    let hidden = Fake::new();
    hidden.remove("proc/1");
    let mut table = ProcessTable::below(hidden.root());
    assert_eq!(described(&mut table, 7, "nginx", None).alive, None);

    let inner = Fake::new();
    nginx(&inner);
    inner.link("proc/self/ns/pid", "pid:[4026532000]");
    let mut table = ProcessTable::below(inner.root());
    // This 812 is another process than the kernel's 812, whatever it is called.
    assert_eq!(described(&mut table, 812, "nginx", None).exe, None);
}
