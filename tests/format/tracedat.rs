//! Builds files of trace-cmd around the pages in `tests/data/ringbuf`.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;
use std::path::Path;

pub const PAGES: [&str; 2] = ["hackbench-cpu0.raw", "hackbench-cpu1.raw"];
pub const OVERRUN: [&str; 2] = ["overrun-cpu0.raw", "overrun-cpu1.raw"];

#[derive(Clone, Copy, Debug)]
pub enum Version {
    Six,
    /// With a compression.
    Seven(&'static str),
}

/// What to put into the file.
pub struct File<'a> {
    pub top: &'a [&'a str],
    pub instance: Option<(&'a str, &'a [&'a str])>,
    pub options: Vec<(u16, Vec<u8>)>,
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ringbuf").join(name))
        .unwrap()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

fn option(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), data].concat()
}

fn pack(how: &str, bytes: &[u8]) -> Vec<u8> {
    match how {
        "zlib" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::bulk::compress(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}

/// Both sizes, then the packed bytes.
fn block(how: &str, bytes: &[u8]) -> Vec<u8> {
    let packed = pack(how, bytes);
    [&(packed.len() as u32).to_le_bytes()[..], &(bytes.len() as u32).to_le_bytes(), &packed]
        .concat()
}

fn header_info() -> Vec<u8> {
    let (page, event) = (sized(&data("header_page")), sized(&data("header_event")));
    [&b"header_page\0"[..], &page, b"header_event\0", &event].concat()
}

/// The layout of an event that no page has.
fn other(name: &str) -> String {
    let text =
        String::from_utf8(data("sched_wakeup.format")).unwrap().replace("sched_wakeup", name);
    let line = text.lines().find(|l| l.starts_with("ID:")).unwrap().to_owned();
    text.replace(&line, "ID: 9")
}

fn formats() -> Vec<u8> {
    let names = ["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    bytes.extend(b"irq\0");
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(sized(other("irq_handler_entry").as_bytes()));
    bytes.extend(b"sched\0");
    bytes.extend((names.len() as u32).to_le_bytes());
    for name in names {
        bytes.extend(sized(&data(&format!("{name}.format"))));
    }
    bytes
}

impl<'a> File<'a> {
    pub fn new(top: &'a [&'a str]) -> Self {
        Self { top, instance: None, options: Vec::new() }
    }

    pub fn build(&self, version: Version) -> Vec<u8> {
        match version {
            Version::Six => self.six(),
            Version::Seven(how) => self.seven(how),
        }
    }

    fn said(&self) -> Vec<u8> {
        let stats = |cpu, n| {
            format!(
                "CPU: {cpu}\nentries: 5\noverrun: {n}\ncommit overrun: 0\ndropped events: 0\n\0"
            )
        };
        let mut bytes = option(2, stats(0, 2200).as_bytes());
        bytes.extend(option(2, stats(1, 72).as_bytes()));
        bytes.extend(option(4, b"local global [mono] boot\0"));
        bytes.extend(option(5, b"Linux vm 6.18.44 x86_64"));
        bytes.extend(option(8, &2_u32.to_le_bytes()));
        bytes.extend(option(9, b"3.1.6\0"));
        self.options.iter().for_each(|(id, data)| bytes.extend(option(*id, data)));
        bytes
    }

    fn start(version: &str) -> Vec<u8> {
        let mut bytes = b"\x17\x08\x44tracing".to_vec();
        bytes.extend(version.as_bytes());
        bytes.extend([0, 0, 8]);
        bytes.extend(4096_u32.to_le_bytes());
        bytes
    }

    fn six(&self) -> Vec<u8> {
        let mut bytes = Self::start("6");
        bytes.extend(header_info());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(sized(other("function").as_bytes()));
        bytes.extend(formats());
        for part in [&b"ffff T symbol\n"[..], b""] {
            bytes.extend((part.len() as u32).to_le_bytes());
            bytes.extend(part);
        }
        bytes.extend(sized(b"7 sh\n"));
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend(b"options  \0");
        bytes.extend(self.said());
        let place = bytes.len() + 6;
        if let Some((name, _)) = self.instance {
            bytes.extend(option(3, &[&[0; 8][..], name.as_bytes(), b"\0"].concat()));
        }
        bytes.extend(0_u16.to_le_bytes());
        Self::six_pages(&mut bytes, self.top);
        if let Some((_, pages)) = self.instance {
            let at = bytes.len() as u64;
            bytes[place..place + 8].copy_from_slice(&at.to_le_bytes());
            Self::six_pages(&mut bytes, pages);
        }
        bytes
    }

    fn six_pages(bytes: &mut Vec<u8>, pages: &[&str]) {
        bytes.extend(b"flyrecord\0");
        let mut at = (bytes.len() + 32).next_multiple_of(4096);
        let pages: Vec<Vec<u8>> =
            (0..2).map(|i| pages.get(i).map(|p| data(p)).unwrap_or_default()).collect();
        for page in &pages {
            bytes.extend((at as u64).to_le_bytes());
            bytes.extend((page.len() as u64).to_le_bytes());
            at += page.len();
        }
        bytes.resize(bytes.len().next_multiple_of(4096), 0);
        for page in pages {
            bytes.extend(page);
        }
    }

    fn seven(&self, how: &str) -> Vec<u8> {
        let mut bytes = Self::start("7");
        bytes.extend(how.as_bytes());
        bytes.extend(b"\x001.0\0");
        let first = bytes.len();
        bytes.extend([0; 8]);
        let section = |bytes: &mut Vec<u8>, id: u16, body: &[u8]| {
            let at = bytes.len() as u64;
            let packed = how != "none";
            let body = if packed { block(how, body) } else { body.to_vec() };
            bytes.extend(id.to_le_bytes());
            bytes.extend(u16::from(packed).to_le_bytes());
            bytes.extend(0_u32.to_le_bytes());
            bytes.extend((body.len() as u64).to_le_bytes());
            bytes.extend(body);
            at
        };
        let mut said = self.said();
        for (id, body) in [(16, header_info()), (18, formats())] {
            let at = section(&mut bytes, id, &body);
            said.extend(option(id, &at.to_le_bytes()));
        }
        let mut buffers = vec![("", self.top)];
        buffers.extend(self.instance);
        for (name, pages) in buffers {
            said.extend(option(3, &Self::seven_pages(&mut bytes, how, name, pages)));
        }
        said.extend(option(0, &0_u64.to_le_bytes()));
        let at = section(&mut bytes, 0, &said);
        bytes[first..first + 8].copy_from_slice(&at.to_le_bytes());
        bytes
    }

    /// Writes the pages and returns the option that says where they are.
    fn seven_pages(bytes: &mut Vec<u8>, how: &str, name: &str, pages: &[&str]) -> Vec<u8> {
        let mut said = (bytes.len() as u64).to_le_bytes().to_vec();
        bytes.extend(3_u16.to_le_bytes());
        bytes.extend(u16::from(how != "none").to_le_bytes());
        bytes.extend([0; 12]);
        said.extend(name.as_bytes());
        said.extend(b"\0mono\0");
        said.extend(4096_u32.to_le_bytes());
        said.extend((pages.len() as u32).to_le_bytes());
        for (cpu, page) in pages.iter().enumerate() {
            bytes.resize(bytes.len().next_multiple_of(4096), 0);
            let (at, pages) = (bytes.len(), data(page));
            if how == "none" {
                bytes.extend(pages);
            } else {
                let chunks: Vec<_> = pages.chunks(3 * 4096).collect();
                bytes.extend((chunks.len() as u32).to_le_bytes());
                for chunk in chunks {
                    bytes.extend(block(how, chunk));
                }
            }
            said.extend((cpu as u32).to_le_bytes());
            said.extend((at as u64).to_le_bytes());
            said.extend(((bytes.len() - at) as u64).to_le_bytes());
        }
        said
    }
}
