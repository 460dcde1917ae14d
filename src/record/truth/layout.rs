//! What `bpftrace -lv` prints of a structure: its members, and where each must be. The listing
//! tells no places; they follow from the types for as long as each is one that is known here. The
//! program that is built on them has the C compiler check every one against BTF before it runs.

/// A member, those of nameless unions and structures inside too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Bytes before it, where that is known.
    pub at: Option<u32>,
    /// Its bytes, where its type is known.
    pub size: Option<u32>,
}

/// Something that is listed inside braces.
#[derive(Default)]
struct Open<'a> {
    is_union: bool,
    members: Vec<Member<'a>>,
    /// The first byte behind what was placed so far; in a union the largest size.
    end: Option<u32>,
    align: u32,
}

impl<'a> Open<'a> {
    fn new(line: &str) -> Self {
        let is_union = line.starts_with("union");
        Self { is_union, members: Vec::new(), end: Some(0), align: 1 }
    }

    /// Where the next one begins, which has this size and alignment.
    fn place(&mut self, kind: Option<(u32, u32)>) -> Option<u32> {
        let Some(((size, align), end)) = kind.zip(self.end) else {
            self.end = None;
            return None;
        };
        self.align = self.align.max(align);
        let at = if self.is_union { 0 } else { end.next_multiple_of(align) };
        self.end = Some(end.max(at + size));
        Some(at)
    }

    /// What was listed inside braces that have no name of their own.
    fn take(&mut self, inner: Open<'a>) {
        let kind = inner.end.map(|end| (end.next_multiple_of(inner.align), inner.align));
        let at = self.place(kind);
        let moved = |m: Member<'a>| Member { at: at.zip(m.at).map(|(a, b)| a + b), ..m };
        self.members.extend(inner.members.into_iter().map(moved));
    }
}

/// The members of the structure that is listed first.
pub fn members(listing: &str) -> Vec<Member<'_>> {
    let mut open: Vec<Open<'_>> = Vec::new();
    for line in listing.lines().map(str::trim) {
        if line.ends_with('{') {
            open.push(Open::new(line));
        } else if let Some(name) = line.strip_prefix('}') {
            let inner = open.pop().unwrap_or_default();
            let Some(outer) = open.last_mut() else { return inner.members };
            if name.trim_matches([';', ' ']).is_empty() {
                outer.take(inner);
            } else {
                // Attributes may stand there, too.
                outer.place(None);
            }
        } else if let Some(outer) = open.last_mut() {
            let declared = line.split([';', ':', '[']).next().unwrap_or_default();
            let split = declared.rfind([' ', '*']).map_or(0, |at| at + 1);
            let (kind, name) = declared.split_at(split);
            // Bit fields and arrays are placed by rules of their own.
            let kind = if line.contains([':', '[']) { None } else { known(kind.trim()) };
            let at = outer.place(kind);
            outer.members.push(Member { name, at, size: kind.map(|k| k.0) });
        }
    }
    Vec::new()
}

/// Size and alignment of a type on a machine of 64 bits.
fn known(kind: &str) -> Option<(u32, u32)> {
    Some(match kind {
        _ if kind.ends_with('*') => (8, 8),
        "struct load_weight" | "struct list_head" | "struct rb_root_cached" => (16, 8),
        "struct rb_node" => (24, 8),
        "u64" | "s64" | "long unsigned int" | "long int" => (8, 8),
        "unsigned int" | "int" | "u32" | "s32" => (4, 4),
        "unsigned char" | "bool" | "u8" => (1, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listing: &str, name: &str) -> Option<u32> {
        members(listing).into_iter().find(|m| m.name == name).and_then(|m| m.at)
    }

    #[test]
    fn places_follow_from_the_types() {
        let all = "struct s {\n\tunsigned char a;\n\tunsigned char b;\n\tint c;\n\tbool d;\n\tunion {\n\
                   \t\tunsigned char e;\n\t\tu64 f;\n\t};\n\tstruct {\n\t\tint g;\n\t\tint h;\n\t};\n\
                   \tstruct rq *i;\n};\n";
        let places: Vec<_> = members(all).iter().map(|m| (m.name, m.at.unwrap())).collect();
        assert_eq!(
            places,
            [
                ("a", 0),
                ("b", 1),
                ("c", 4),
                ("d", 8),
                ("e", 16),
                ("f", 16),
                ("g", 24),
                ("h", 28),
                ("i", 32)
            ]
        );
    }

    #[test]
    fn behind_what_is_not_known_no_place_is() {
        for odd in ["raw_spinlock_t x;", "bool x: 1;", "long: 64;", "int x[3];", "struct x x;"] {
            let all = format!("struct s {{\n\tu64 a;\n\t{odd}\n\tu64 b;\n}};\n");
            assert_eq!((at(&all, "a"), at(&all, "b")), (Some(0), None), "{odd}");
            assert!(members(&all).iter().any(|m| m.name == "b"), "{odd}");
        }
        // What lies in braces that have a name is no member of this one.
        let named = "struct s {\n\tstruct {\n\t\tint in;\n\t} x;\n\tu64 b;\n};\n";
        assert_eq!(members(named).iter().map(|m| m.name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(at(named, "b"), None);
        assert_eq!(members(""), []);
        assert_eq!(members("}\n};\n"), []);
    }
}
