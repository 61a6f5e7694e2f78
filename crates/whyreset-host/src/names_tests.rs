//! Real-world shapes of control-group paths.

use super::Names;

const ID: &str = "3f4fdc4b9c3e8d0f6b8a7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f";
const UID: &str = "7b6d4f0e-52f1-4a5c-9d33-0a1b2c3d4e5f";
const UID_: &str = "7b6d4f0e_52f1_4a5c_9d33_0a1b2c3d4e5f";

/// Path, unit, container, pod, `-` for none; `ID`, `UID_` and `UID` stand for the ids above.
const SHAPES: &str = r"
/  -  -  -
/system.slice/nginx.service  nginx.service  -  -
/system.slice/system-postgresql.slice/postgresql@15-main.service  postgresql@15-main.service  -  -
/system.slice/system-serial\x2dgetty.slice  system-serial-getty.slice  -  -
/user.slice/user-1000.slice/session-3.scope  session-3.scope  -  -
/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal\x2d42.scope  app-org.gnome.Terminal-42.scope  -  -
/user.slice/user-1000.slice/user@1000.service/init.scope  init.scope  -  -
/system.slice/docker.service/supervised/worker  docker.service  -  -
/system.slice/_cpu.service  cpu.service  -  -
/system.slice/cups.socket  cups.socket  -  -
/user.slice  user.slice  -  -
/system.slice/bad\x0aname\x2.service  bad\x0aname\x2.service  -  -
/.service  -  -  -
# docker
/docker/ID  -  ID  -
/system.slice/docker-ID.scope  docker-ID.scope  ID  -
/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope  docker-ID.scope  ID  -
/docker/0000000000000000000000000000000000000000000000000000000000000000/docker/ID  -  ID  -
/docker/ID/system.slice/nginx.service  nginx.service  ID  -
/ecs/0123456789abcdef0123456789abcdef/ID  -  ID  -
# containerd and nerdctl
/default/ID  -  ID  -
/system.slice/nerdctl-ID.scope  nerdctl-ID.scope  ID  -
# Kubernetes
/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID_.slice/cri-containerd-ID.scope  cri-containerd-ID.scope  ID  UID
/kubepods.slice/kubepods-podUID_.slice/crio-ID.scope  crio-ID.scope  ID  UID
/kubepods.slice/kubepods-podUID_.slice/crio-ID.scope/container  crio-ID.scope  ID  UID
/kubepods.slice/kubepods-podUID_.slice/crio-conmon-ID.scope  crio-conmon-ID.scope  -  UID
/kubepods/burstable/podUID/ID  -  ID  UID
/kubepods/podUID/crio-ID  -  ID  UID
/kubepods/besteffort/pod0123456789abcdef0123456789abcdef/ID  -  ID  0123456789abcdef0123456789abcdef
/system.slice/containerd.service/kubepods-besteffort-podUID_.slice:cri-containerd:ID  containerd.service  ID  UID
/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podUID_.slice/cri-containerd-ID.scope  cri-containerd-ID.scope  ID  UID
/docker/ID/kubelet/kubepods/besteffort/podUID  -  ID  UID
# podman
/machine.slice/libpod-ID.scope/container  libpod-ID.scope  ID  -
/machine.slice/libpod-conmon-ID.scope  libpod-conmon-ID.scope  -  -
/machine.slice/machine-libpod_pod_ID.slice/libpod-ID.scope  libpod-ID.scope  ID  -
/libpod_parent/libpod-ID  -  ID  -
/system.slice/web.service/libpod-payload-ID  web.service  ID  -
# LXC and LXD
/lxc/web/init.scope  init.scope  web  -
/lxc.payload/web  -  web  -
/lxc.payload.web-1/system.slice/nginx.service  nginx.service  web-1  -
/lxc.monitor.web-1  -  -  -
# systemd-nspawn and machined
/machine.slice/systemd-nspawn@web.service/payload/system.slice/a.service  a.service  web  -
/machine.slice/machine-web\x2d1.scope  machine-web-1.scope  web-1  -
/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator  machine-qemu-1-vm.scope  -  -
# Looks like an id and is none
/system.slice/docker-ID0.scope  docker-ID0.scope  -  -
/IDID  -  -  -
/docker/é0000000000000000000000000000000000000000000000000000000000000000  -  -  -
/pods/podUID/x  -  -  -
/kubepods/podnothex/x  -  -  -
";

fn filled(text: &str) -> String {
    text.replace("UID_", UID_).replace("UID", UID).replace("ID", ID)
}

#[test]
fn real_world_paths() {
    let mut checked = 0;
    for row in SHAPES.lines().filter(|row| row.starts_with('/')) {
        let fields: Vec<String> = row.split_ascii_whitespace().map(filled).collect();
        let [path, unit, container, pod] = fields.as_slice() else {
            panic!("not four fields: {row}")
        };
        let some = |text: &String| (text != "-").then(|| text.clone());
        let expected = Names {
            unit: some(unit),
            container: some(container),
            pod: some(pod),
        };
        assert_eq!(Names::of(path), expected, "{path}");
        checked += 1;
    }
    assert_eq!(checked, 48);
}
