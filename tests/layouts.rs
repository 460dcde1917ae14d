//! Recordings as people bring them: ftrace's text in every layout of the kernel and of trace-cmd,
//! and after what terminals, editors and mail did to it; and what is known by sight and refused
//! with the command that converts it.
#![allow(clippy::unwrap_used)] // also in the tests' own functions, which the configuration does not know

use kernel_oracle::ingest::{self, Format, IngestError, Opened};
use kernel_oracle::trace::{EventKind, Pid, TaskState, Trace};

fn read(text: &str) -> Opened {
    ingest::read(text.as_bytes(), "test").unwrap()
}

/// One wake-up on CPU 0 and one switch on CPU 1, 285 µs later: what every text here says.
fn told(trace: &Trace) -> Vec<(EventKind, u64, u16, String)> {
    let name = |e: &kernel_oracle::trace::Event| {
        trace.tasks().get(e.task).map(|t| t.name.to_string()).unwrap()
    };
    trace.events().map(|e| (e.kind, e.time.0 / 1000, e.cpu.0, name(&e))).collect()
}

const WAKE: &str = "sched_wakeup: comm=cargo pid=19842 prio=120 target_cpu=000";
const SWITCH: &str = "sched_switch: prev_comm=a b pid=1 prev_pid=7 prev_prio=120 prev_state=R+ ==> \
                      next_comm=sh next_pid=8 next_prio=-1";

fn layouts() -> Vec<(&'static str, String)> {
    let plain = format!(
        "  rustc-9   [000] d..4.   520.352536: {WAKE}\n a b pid=1-7 [001] \
                 d..2.   520.352821: {SWITCH}\n"
    );
    let fields = "sched_switch: prev_comm=a b pid=1 prev_pid=0x7 (7) prev_prio=0x78 (120) \
                  prev_state=0x100 (256) next_comm=sh next_pid=0x8 (8) next_prio=0xffffffff (-1)";
    let plugin = "sched_switch: a b pid=1:7 [120] R+ ==> sh:8 [4294967295] Latency: 88.891 usecs";
    vec![
        ("plain", plain.clone()),
        ("byte order mark", format!("\u{feff}# tracer: nop\n{plain}")),
        ("tabs", plain.replace("   520", "\t520")),
        ("colours", plain.replace("sched_switch", "\x1b[01;31m\x1b[Ksched_switch\x1b[m\x1b[K")),
        ("systrace of 2012", plain.replace('\n', "\\n\\\n")),
        ("HTML", plain.replace("==>", "==&gt;")),
        (
            "latency format",
            format!(
                " rustc-9  0d..4. 352536us+: {WAKE}\n a b pid=-7   1d..2. 352821us : {SWITCH}\n"
            ),
        ),
        (
            "dump in the log",
            format!(
                "[ 1.5] sysrq: x\n[ 1.5]  rustc-9  0d..4. 352536us : {WAKE}\n[ 1.5]  a-7   1d..2. \
                 352821us : {SWITCH}\n"
            ),
        ),
        (
            "verbose",
            format!(
                "  rustc  9   0 1 00000002 00000000 [1f04a98c] 16.646ms (+0.058ms): {WAKE}\n  a \
                 b  7   1 1 00000002 00000001 [1f04aaa9] 16.704ms (+1.062ms): {SWITCH}\n"
            ),
        ),
        (
            "function graph",
            format!(
                "# tracer: function_graph\n 520.352536 |   0)  rustc-9 |               |  /* \
                 {WAKE} */\n 520.352821 |   1)  a-7 |               |  /* {SWITCH} */\n"
            ),
        ),
        ("option fields", plain.replace(SWITCH, fields)),
        ("trace-cmd -w", plain.replace(SWITCH, plugin)),
        ("trace-cmd --ts-diff", plain.replace("sched_switch", "(+285000) sched_switch")),
        (
            "trace-cmd -R",
            plain
                .replace(
                    "prev_comm=a b pid=1 ",
                    "prev_comm=ARRAY[61, 20, 62, 20, 70, 69, 64, 3d, 31, 00, 00] ",
                )
                .replace("R+ ==>", "256"),
        ),
        (
            "stacks between",
            plain.replace(
                " a b pid=1-7",
                " rustc-9 [000] d..4. 520.352540: <stack trace>\n => do_x\n => y\n a b-7",
            ),
        ),
    ]
}

#[test]
fn every_layout_says_the_same() {
    let want = [
        (EventKind::Wakeup, 0, 0, "cargo".to_owned()),
        (EventKind::Switch, 285, 1, "a b pid=1".to_owned()),
    ];
    for (layout, text) in layouts() {
        let Opened { trace, report } = read(&text);
        assert_eq!(told(&trace), want, "{layout}");
        assert_eq!(
            (report.skipped, report.format, &report.warnings),
            (0, Format::Ftrace, &vec![]),
            "{layout}"
        );
        let switch = trace.event(1);
        assert_eq!(
            (switch.state, switch.prio, switch.next_prio),
            (TaskState::PREEMPTED, 120, -1),
            "{layout}"
        );
        assert_eq!(trace.tasks().get(switch.next).unwrap().pid, Pid(8), "{layout}");
    }
}

#[test]
fn what_a_recording_says_of_its_machine_is_kept() {
    let text = format!(
        "# tracer: nop\n#\n# nop latency trace v1.1.5 on 6.18.44-x\n# latency: 0 us, #2/2, CPU#0 | \
         (M:PREEMPT(none) #P:6)\n{}",
        layouts()[6].1
    );
    let trace = read(&text).trace;
    assert_eq!((trace.cpus(), &*trace.meta().kernel), (6, "6.18.44-x"));
}

#[test]
fn counting_clocks_and_impossible_stamps_are_said() {
    let plain = &layouts()[0].1;
    let counted = read(&plain.replace("520.352", "520352"));
    assert_eq!(counted.trace.len(), 2);
    assert!(counted.report.warnings[0].contains("counts"), "{:?}", counted.report.warnings);

    let wrapped = read(&format!("{plain}{}", plain.replace("520.352821", "18446744073.709542")));
    assert_eq!((wrapped.trace.len(), wrapped.report.skipped), (3, 1));
    assert!(wrapped.trace.span().secs() < 1.0, "one stamp does not stretch the recording");
    assert!(
        wrapped.report.bad[0].to_string().starts_with("line 4, byte "),
        "{}",
        wrapped.report.bad[0]
    );

    let far = read(&format!("{plain}{}", plain.replace("520.35", "9000000.35")));
    assert!(
        far.report.warnings[0].contains("days between two events"),
        "{:?}",
        far.report.warnings
    );
    let apart = read(&format!("{plain}{}", plain.replace("520.35", "36520.35")));
    assert!(apart.report.warnings.is_empty(), "ten hours are right");
}

#[test]
fn an_unknown_state_drops_nothing() {
    let text = layouts()[0].1.replace("R+", "?");
    let Opened { trace, report } = read(&text);
    assert_eq!((trace.len(), report.skipped, trace.event(1).state), (2, 0, TaskState::UNKNOWN));
}

#[test]
fn known_by_sight_and_refused_with_a_way_out() {
    let wide: Vec<u8> = "# tracer: nop\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let inputs: Vec<(Vec<u8>, &str)> = vec![
        (b"PK\x03\x04\x14\0".into(), "unzip"),
        (b"BZh91AY&SY\x1e".into(), "bunzip2"),
        (wide, "iconv"),
        (tar, "tar xf"),
        (b"{\n\t\"linux-perf-json-version\": 1,\n".into(), "perf script"),
        (
            b"           time    cpu  task name      wait time  sch delay   run time\n".into(),
            "perf script",
        ),
        (b" ---\n  Task      |   Runtime ms  | Switches | Avg delay ms\n".into(), "perf script"),
        (b"\"ts\",\"dur\",\"cpu\",\"utid\"\n1,2,3,4\n".into(), "traceconv"),
        (b"# tracer: nop\n#\n20302 0 522840765267 type: 373\n".into(), "options/raw"),
        (b"# tracer: nop\n#\nAP\0\0\0\0\0\0\xf6type\0type: 373\n".into(), "options/bin"),
        (
            b" a.dat: cpus=2\n b.dat: cpus=2\na.dat: sh-1 [000] 1.0: sched_wakeup: sh:1 [120] \
              CPU:000\n"
                .into(),
            "-i FILE",
        ),
    ];
    for (bytes, way) in inputs {
        let error = ingest::read(bytes, "some.file").unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, IngestError::Foreign { .. }), "{said}");
        assert!(said.contains("some.file: ") && said.contains('`') && said.contains(way), "{said}");
    }
}
