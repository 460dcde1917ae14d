//! The core on given numbers: what the files of a machine say, and what sizes come to.

use super::*;
use crate::dataset::catalog::{Catalog, Entry, Split};
use crate::predictor::networks::{Kind, ModelConfig};
use std::collections::BTreeMap;

const MEMINFO: &str = "MemTotal:       24684172 kB\nMemFree:        16637112 kB\nMemAvailable:   \
                       18874368 kB\nSwapTotal:       1048576 kB\nSwapFree:        1048576 kB\n";
const STATUS: &str = "Name:\tkoracle\nVmPeak:\t  355328 kB\nVmSize:\t  307200 kB\nVmHWM:\t  122880 \
     kB\nVmRSS:\t  102400 kB\n";
const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \
                      \nMax cpu time              unlimited            unlimited            \
                      seconds   \nMax address space         SOFT            unlimited            \
                      bytes     \n";

fn room(limit: Option<u64>, files: &[(&str, &str)]) -> Option<Room> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    Room::of(&|file| files.get(file).map(|text| (*text).to_owned()), limit)
}

fn free(limit: Option<u64>, files: &[(&str, &str)]) -> (u64, Bound) {
    let machine = [("/proc/meminfo", MEMINFO), ("/proc/self/status", STATUS)];
    let room = room(limit, &[&machine, files].concat()).unwrap();
    (room.free / MIB, room.of)
}

#[test]
fn the_tightest_bound_counts() {
    assert_eq!(free(None, &[]), (18_432, Bound::Machine));
    let soft = |bytes: &str| LIMITS.replace("SOFT", bytes);
    assert_eq!(free(None, &[("/proc/self/limits", &soft("unlimited"))]), (18_432, Bound::Machine));
    assert_eq!(free(None, &[("/proc/self/limits", &soft("419430400"))]), (100, Bound::Process));
    assert_eq!(
        free(None, &[("/proc/self/limits", &soft("1048576"))]),
        (0, Bound::Process),
        "beyond it already"
    );
    assert_eq!(free(Some(150 * MIB), &[]), (50, Bound::Given));
    assert_eq!(room(None, &[]), None, "no such files");
    let all = room(None, &[("/proc/meminfo", MEMINFO), ("/proc/self/status", STATUS)]).unwrap();
    assert_eq!((all.swap, all.given_back), (1 << 30, 20 * MIB));
    assert_eq!(
        room(Some(150 * MIB), &[("/proc/self/status", STATUS)]).unwrap().swap,
        0,
        "of the machine only"
    );
}

#[test]
fn control_groups_of_both_versions_and_all_above() {
    let (own, above) = ("/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a");
    let file = |folder: &str, name: &str| format!("{folder}/{name}");
    let v2 = [
        ("/proc/self/cgroup".to_owned(), "0::/a/b\n"),
        (file(own, "memory.max"), "max\n"),
        (file(own, "memory.current"), "1073741824\n"),
        (file(above, "memory.max"), "2147483648\n"),
        (file(above, "memory.current"), "2040109465\n"),
        (file(above, "memory.stat"), "anon 1\ninactive_file 104857600\nactive_file 104857600\n"),
    ];
    let v2: Vec<_> = v2.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    assert_eq!(free(None, &v2), (302, Bound::Group), "pages of files make room");

    let v1 = "/sys/fs/cgroup/memory";
    let limit = |root: &'static str, inner: &'static str| {
        let folder = format!("{v1}/docker/x");
        vec![
            ("/proc/self/cgroup".to_owned(), "9:cpu:/\n4:hugetlb,memory:/docker/x\n0::/\n"),
            (file(v1, "memory.limit_in_bytes"), root),
            (file(v1, "memory.usage_in_bytes"), "104857600\n"),
            (file(&folder, "memory.limit_in_bytes"), inner),
            (file(&folder, "memory.usage_in_bytes"), "104857600\n"),
            (file(&folder, "memory.stat"), "inactive_file 7\ntotal_inactive_file 52428800\n"),
        ]
    };
    for (root, inner, expected) in [
        ("9223372036854771712\n", "209715200\n", (150, Bound::Group)),
        ("9223372036854771712\n", "9223372036854771712\n", (18_432, Bound::Machine)),
        ("157286400\n", "9223372036854771712\n", (50, Bound::Group)),
    ] {
        let files = limit(root, inner);
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        assert_eq!(free(None, &files), expected);
    }
}

#[test]
fn nonsense_in_the_files_is_no_bound() {
    let junk = [
        ("/proc/self/cgroup", "\n:::\n0:\n4:memory\n0::/\n"),
        ("/sys/fs/cgroup/memory.max", "many"),
        ("/proc/self/limits", "Max address space\n"),
    ];
    assert_eq!(free(None, &junk), (18_432, Bound::Machine));
    assert_eq!(kib("MemAvailable: x kB", "MemAvailable"), None);
}

#[test]
fn this_machine_says_something() {
    let room = Room::now(None).unwrap();
    assert!(room.free > MIB, "{room:?}");
    assert_eq!(Room::now(Some(1)).unwrap().of, Bound::Given);
    assert_eq!(check(0, None, Next::Begin), Ok(()));
    assert!(granted(MIB) && !granted(1 << 62), "really asked, not optimised away");
    let short = check(1 << 60, None, Next::After(3)).unwrap_err().to_string();
    assert!(
        short.starts_with("out of memory after step 3: the next one wants about 1073741824.1 GiB"),
        "{short}"
    );
}

fn outlook(free: u64) -> Outlook {
    let entry = |run, split| Entry {
        cpus: 0,
        file: format!("w_run{run}.csv.zst"),
        workload: "w".into(),
        category: "c".into(),
        run,
        kernel: "6.1".into(),
        split,
    };
    let recordings =
        [(0, Split::Train), (1, Split::Train), (2, Split::Validation), (3, Split::Test)];
    let recordings = recordings.map(|(run, split)| entry(run, split)).to_vec();
    Outlook {
        room: Some(Room { free: free * MIB, swap: 0, of: Bound::Group, given_back: 0 }),
        recordings,
        ..Outlook::default()
    }
}

#[test]
fn what_cannot_fit_is_refused_at_what_weighs_most() {
    let usual = TrainConfig::default();
    assert_eq!(outlook(4_000).check(&usual), Ok(None));
    let tight = outlook(165).check(&usual).unwrap().unwrap();
    assert!(
        tight.starts_with("the run takes about 1")
            && tight.contains("of the 165 MiB that are left"),
        "{tight}"
    );
    let names =
        |config: &TrainConfig, free| outlook(free).check(config).map(drop).map_err(|w| w.setting);
    assert_eq!(names(&TrainConfig { batch: 4, ..usual.clone() }, 8), Err("only"));
    let none_kept = TrainConfig { hold_out: vec!["c".into()], ..usual.clone() };
    assert_eq!(names(&none_kept, 8), Err("channels"), "what is held out is not read");
    assert_eq!(names(&TrainConfig { batch: 64, ..usual.clone() }, 100), Err("batch"));
    assert_eq!(names(&TrainConfig { chunk: 16_384, ..usual.clone() }, 100), Err("chunk"));
    let large = |blocks, channels| ModelConfig { channels, blocks, ..ModelConfig::default() };
    assert_eq!(names(&TrainConfig { model: large(12, 32), ..usual.clone() }, 100), Err("blocks"));
    assert_eq!(names(&TrainConfig { model: large(3, 512), ..usual.clone() }, 100), Err("channels"));
    let why = outlook(100).check(&TrainConfig { batch: 64, ..usual.clone() }).unwrap_err().problem;
    assert!(
        why.contains("100 MiB are left in the control group") && why.contains("45 MiB recordings"),
        "{why}"
    );
    // Of larger files more is kept, and two that are read at once take twice as much meanwhile.
    let large_files = Outlook { sizes: vec![MIB, MIB / 4, MIB / 4], ..outlook(100) };
    let why = large_files.check(&usual).unwrap_err().problem;
    assert!(why.contains("698 MiB recordings"), "{why}");
    let why = Outlook { readers: 2, ..large_files }.check(&usual).unwrap_err().problem;
    assert!(why.contains("860 MiB recordings"), "{why}");
    let others = TrainConfig { traces: Some("elsewhere".into()), ..usual.clone() };
    assert_eq!(names(&others, 110), Ok(()), "what is in them is not known yet");
    // Without recordings there is nothing to train on, but those that one names.
    let bare = Outlook { missing: Some("not found".into()), ..Outlook::default() };
    let refused = bare.check(&usual).unwrap_err();
    assert!(refused.setting == "traces" && refused.problem.contains("not found"), "{refused:?}");
    assert_eq!(bare.check(&others).map(drop).map_err(|w| w.setting), Ok(()));
    // Where nothing is known, only the absurd is refused.
    let blind = Outlook::default();
    let vast = TrainConfig { model: large(12, 512), batch: 64, chunk: 16_384, ..usual };
    assert!(blind.check(&vast).unwrap_err().problem.contains("GiB"));
}

/// Peaks of a release build, MiB: of runs of one epoch on the hackbench recordings of 6.18, less
/// that of a run with one chunk a step (167 MiB):
/// `/usr/bin/time -f %M koracle train --only hackbench --hold-out 6.1 --hold-out 6.1x4 --hold-out 6.12 --hold-out 6.12x8 --epochs 1 --batch 64 -o DIR`,
/// and so on.
#[test]
fn steps_take_about_what_was_measured() {
    let of = |kind| TrainConfig { model: ModelConfig::of(kind), ..TrainConfig::default() };
    let sized = |batch, kind, change: &dyn Fn(&mut ModelConfig)| {
        let mut config = TrainConfig { batch, ..of(kind) };
        change(&mut config.model);
        config
    };
    for (config, measured) in [
        (sized(64, Kind::Tcn, &|_| {}), 109.0),
        (sized(64, Kind::Tcn, &|m| m.kernel = 8), 118.0),
        (sized(32, Kind::Tcn, &|m| m.channels = 128), 84.0),
        (sized(32, Kind::Tcn, &|m| (m.hidden, m.hidden2) = (256, 64)), 148.0),
        (sized(64, Kind::Lstm, &|_| {}), 139.0),
        (sized(32, Kind::Lstm, &|m| m.channels = 256), 238.0),
        (sized(64, Kind::Mlp, &|_| {}), 94.0),
        (sized(4, Kind::Tcn, &|m| m.channels = 512), 27.0),
        (sized(64, Kind::Tcn, &|m| m.blocks = 10), 808.0),
    ] {
        let ratio = needs::usual_step(&config) as f64 / MIB as f64 / measured;
        assert!((0.95..2.6).contains(&ratio), "{ratio:.2} of {measured} MiB: {config:?}");
    }
}

/// Peaks of a release build on two cores, MiB, less what the program takes before it reads (14):
/// `/usr/bin/time -f %M koracle train --epochs 1 --only hackbench -o DIR`, and so on.
#[test]
fn recordings_take_about_what_was_measured() {
    let catalog = Catalog::load(concat!(env!("CARGO_MANIFEST_DIR"), "/traces").as_ref()).unwrap();
    let sizes = sizes(&catalog);
    let outlook = Outlook { recordings: catalog.entries, sizes, readers: 2, ..Outlook::default() };
    let lstm = ModelConfig::of(Kind::Lstm);
    for (only, model, measured) in [
        (None, ModelConfig::default(), 658.0),
        (None, lstm, 675.0),
        (Some("hackbench"), ModelConfig::default(), 283.0),
        (Some("cpu_limit"), ModelConfig::default(), 68.0),
    ] {
        let only = only.map(str::to_owned).into_iter().collect();
        let config = TrainConfig { only, model, ..TrainConfig::default() };
        let taken = outlook.recordings(&config) + needs::usual_step(&config);
        let ratio = taken as f64 / MIB as f64 / measured;
        assert!((1.0..1.5).contains(&ratio), "{ratio:.2} of {measured} MiB: {:?}", config.only);
    }
}
