//! `--trace` through four routers: nobody resets, the third one rejects, and something at the third
//! one forges resets with a TTL of its own or with a copied one.

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::chain::Chain;
use super::net::{Server, finish, start};

/// Takes connections on port 80 and says nothing; on port 82 resets who speaks.
const PLAIN: &str = "
import socket,struct,threading
def listen(port): return socket.create_server(('::',port),family=socket.AF_INET6,dualstack_ipv6=True,backlog=64)
def abort(c):
    c.recv(100); c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack('ii',1,0)); c.close()
def aborter(s):
    while True: threading.Thread(target=abort,args=(s.accept()[0],),daemon=True).start()
threading.Thread(target=aborter,args=(listen(82),),daemon=True).start()
s=listen(80); held=[]
while True: held.append(s.accept())
";

/// Answers every data segment for port 80 that comes in by `back` with a RST in the server's name.
const FORGER: &str = "
import socket,struct,sys
own=int(sys.argv[1]); times=int(sys.argv[3])
tap=socket.socket(socket.AF_PACKET,socket.SOCK_DGRAM,socket.htons(0x800))
tap.bind(('back',0x800))
out=socket.socket(socket.AF_INET,socket.SOCK_RAW,socket.IPPROTO_RAW)
def checksum(data):
    total=sum(struct.unpack('!%dH'%(len(data)//2),data))
    while total>>16: total=(total&0xffff)+(total>>16)
    return ~total&0xffff
open(sys.argv[2],'w').close()
while True:
    packet=tap.recv(2048)
    head=(packet[0]&15)*4
    if packet[9]!=6: continue
    length=struct.unpack('!H',packet[2:4])[0]
    sport,dport,seq,ack,off=struct.unpack('!HHIIB',packet[head:head+13])
    size=length-head-(off>>4)*4
    if dport!=80 or size<=0: continue
    ttl=own or packet[8]
    tcp=struct.pack('!HHIIBBHHH',dport,sport,ack,0,0x50,4,0,0,0)
    pseudo=packet[16:20]+packet[12:16]+struct.pack('!BBH',0,6,len(tcp))
    tcp=tcp[:16]+struct.pack('!H',checksum(pseudo+tcp))+tcp[18:]
    ip=struct.pack('!BBHHHBBH4s4s',0x45,0,40,0x4242,0,ttl,6,0,packet[16:20],packet[12:16])
    for _ in range(times): out.sendto(ip+tcp,(socket.inet_ntoa(packet[12:16]),0))
";

fn chain() -> (Chain, Server) {
    let chain = Chain::new(4);
    let server = Server::start(Some(chain.last()), &["python3", "-c", PLAIN]);
    chain.until_it_listens(80);
    (chain, server)
}

fn forger(chain: &Chain, ttl: &str, times: &str) -> Server {
    let ready = std::env::temp_dir().join(format!(
        "whyreset-forger-{}-{}",
        std::process::id(),
        super::net::fresh()
    ));
    let path = ready.to_str().expect("UTF-8");
    let forger = Server::start(Some(chain.hop(3)), &["python3", "-c", FORGER, ttl, path, times]);
    let begun = Instant::now();
    while !ready.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "the forger does not start"
        );
        thread::sleep(Duration::from_millis(30));
    }
    _ = std::fs::remove_file(&ready);
    forger
}

fn trace(chain: &Chain, server: IpAddr, port: u16, words: &[&str]) -> Value {
    let target = SocketAddr::new(server, port).to_string();
    let mut all = vec![&*target, "--trace", "-o", "json", "--hops", "12"];
    all.extend(words);
    let ran = finish(start(Some(chain.client()), &all));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()
}

fn routers(hops: &Value) -> Vec<&str> {
    let hops = hops.as_array().into_iter().flatten();
    hops.filter_map(|hop| hop["router"].as_str()).collect()
}

fn found(found: &Value, hop: u64, ttl: &str, cause: &str) {
    assert_eq!(
        (&found["endpoint"], &found["cause"]),
        (&false.into(), &cause.into()),
        "{found:#}"
    );
    assert_eq!(
        (&found["hop_farthest"], &found["ttl"]),
        (&hop.into(), &ttl.into()),
        "{found:#}"
    );
}

pub fn nobody_resets() {
    let (chain, _server) = chain();
    for (server, first) in [(chain.server(), "10.99.1.2"), (chain.server_v6(), "fd00:99:1::2")] {
        let got = trace(&chain, server, 80, &["--http"]);
        assert_eq!(
            (&got["distance"], &got["resets_syn"], &got["resets_data"]),
            (&5.into(), &Value::Null, &Value::Null),
            "{got:#}"
        );
        for hops in [&got["syn"], &got["data"]] {
            assert_eq!((routers(hops).len(), routers(hops)[0]), (4, first), "{got:#}");
        }
        // The path changes nothing, and so it is told.
        let changes = got["syn"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|hop| hop["answers"].as_array())
            .flatten();
        assert!(changes.clone().count() >= 5);
        assert!(
            changes
                .into_iter()
                .all(|answer| answer["changes"] == Value::Array(Vec::new())),
            "{got:#}"
        );
    }
    // A closed port is the endpoint's own answer.
    let got = trace(&chain, chain.server(), 81, &[]);
    assert_eq!(
        (&got["resets_syn"]["endpoint"], &got["resets_syn"]["hop_nearest"]),
        (&true.into(), &5.into()),
        "{got:#}"
    );
}

pub fn the_endpoint_resets_by_itself() {
    let (chain, _server) = chain();
    for server in [chain.server(), chain.server_v6()] {
        let got = trace(&chain, server, 82, &["--http"]);
        let found = &got["resets_data"];
        assert_eq!(
            (&found["endpoint"], &found["cause"]),
            (&true.into(), &"unknown".into()),
            "{got:#}"
        );
        assert_eq!(
            (&found["hop_nearest"], &found["hop_farthest"]),
            (&5.into(), &5.into()),
            "{got:#}"
        );
    }
}

pub fn a_router_rejects() {
    let (chain, _server) = chain();
    // Whole ports, and the first data of connections to an open one.
    chain.rules(
        3,
        "table inet f { chain c { type filter hook forward priority 0; \
         tcp dport 81 reject with tcp reset; \
         tcp dport 80 tcp flags & psh == psh reject with tcp reset; }; }",
    );
    for (server, router) in [(chain.server(), "10.99.3.2"), (chain.server_v6(), "fd00:99:3::2")] {
        let got = trace(&chain, server, 81, &[]);
        found(&got["resets_syn"], 3, "usual", "firewall-reject");
        assert_eq!(
            (&got["resets_syn"]["router"], &got["resets_syn"]["on_path"]),
            (&router.into(), &false.into()),
            "{got:#}"
        );
    }
    let got = trace(&chain, chain.server(), 80, &["--http"]);
    assert_eq!(got["resets_syn"], Value::Null, "{got:#}");
    found(&got["resets_data"], 3, "usual", "firewall-reject");
    assert!(
        got["resets_data"]["differs"]
            .to_string()
            .contains("2 hops nearer"),
        "{got:#}"
    );
}

pub fn forged_with_a_ttl_of_its_own() {
    let (chain, _server) = chain();
    let _forger = forger(&chain, "200", "1");
    let got = trace(&chain, chain.server(), 80, &["--http"]);
    assert_eq!(got["resets_syn"], Value::Null, "{got:#}");
    found(&got["resets_data"], 3, "own", "injected-reset");
    assert_eq!(got["resets_data"]["on_path"], true, "{got:#}");
}

pub fn forged_with_a_copied_ttl() {
    let (chain, _server) = chain();
    let _forger = forger(&chain, "0", "1");
    let got = trace(&chain, chain.server(), 80, &["--http"]);
    found(&got["resets_data"], 3, "copied", "injected-reset");
    assert_eq!(got["resets_data"]["hop_nearest"], 3, "{got:#}");
}

/// Two thousand forged resets for each segment cost no more time than one.
pub fn a_storm_of_resets() {
    let (chain, _server) = chain();
    let _forger = forger(&chain, "200", "2000");
    let begun = Instant::now();
    let got = trace(&chain, chain.server(), 80, &["--http"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    found(&got["resets_data"], 3, "own", "injected-reset");
}

pub fn a_field_that_the_path_changes_is_named() {
    let (chain, _server) = chain();
    chain.rules(
        2,
        "table inet f { chain c { type filter hook forward priority 0; tcp dport 80 ip dscp set cs1; \
         tcp flags & (syn|ack) == syn tcp option maxseg size set 1000; }; }",
    );
    let got = trace(&chain, chain.server(), 80, &[]);
    let at = |ttl: usize| got["syn"][ttl - 1]["answers"][0]["changes"].to_string();
    assert_eq!(at(2), "[]", "{got:#}");
    assert!(at(3).contains("TOS") && at(3).contains("options"), "{got:#}");
}
