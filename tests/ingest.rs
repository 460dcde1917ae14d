//! Reading recordings: the bundled ones, real ftrace text, and every kind of bad input.

use kernel_oracle::ingest;
use std::path::Path;

fn traces() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")
}

#[test]
fn a_bundled_trace_opens() {
    let opened = ingest::open(&traces().join("hackbench-pipe-2g_run0.csv.zst")).unwrap();
    assert_eq!((opened.trace.len(), opened.report.skipped, opened.trace.cpus()), (40_000, 0, 2));
    assert_eq!(opened.trace.meta().workload, "hackbench-pipe-2g");
    assert_eq!(opened.trace.meta().start_ns, 2_406_995_665_000);
}
