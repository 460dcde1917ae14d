//! The kernel's own state at switches, where a recording has it: what a probe read of the task that
//! leaves, of the one that comes in, of the groups that they are in, and of the queues. One row per
//! switch, of those fields that the recorded kernel has.
//!
//! It is the state in the moment of `sched_switch`: the pick is made, the one that leaves has been
//! put back or taken off, and the one that comes in is out of its queue's tree. So sums over the
//! tree (`Sum`, `SumWeight`) do not hold it; `Load` and `Count` do.

/// Whose state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// The task that leaves.
    Prev,
    /// The task that comes in.
    Next,
    /// The group of the task that leaves, as an entity of the queue above.
    PrevGroup,
    /// The group of the task that comes in, in the same way.
    NextGroup,
    /// The leftmost of the tree of the queue that the one that comes in was taken from.
    First,
    /// The leftmost of the tree in which the group of the one that comes in was.
    FirstGroup,
    /// The queue of the one that comes in.
    Queue,
    /// The queue that its group is in.
    GroupQueue,
}

impl Of {
    /// All, in the order of the columns.
    pub const ALL: [Self; 8] = [
        Self::Prev,
        Self::Next,
        Self::PrevGroup,
        Self::NextGroup,
        Self::First,
        Self::FirstGroup,
        Self::Queue,
        Self::GroupQueue,
    ];

    /// As in the names of columns.
    pub fn label(self) -> &'static str {
        match self {
            Self::Prev => "prev",
            Self::Next => "next",
            Self::PrevGroup => "prev_group",
            Self::NextGroup => "next_group",
            Self::First => "first",
            Self::FirstGroup => "first_group",
            Self::Queue => "queue",
            Self::GroupQueue => "group_queue",
        }
    }

    /// What can be known of it.
    pub fn values(self) -> &'static [Value] {
        match self {
            Self::Prev | Self::Next | Self::PrevGroup | Self::NextGroup => &Value::ALL[..8],
            Self::First | Self::FirstGroup => {
                &[Value::Vruntime, Value::Deadline, Value::Weight, Value::Delayed]
            }
            Self::Queue | Self::GroupQueue => &Value::ALL[8..],
        }
    }
}

/// Which number. Times are virtual nanoseconds; they wrap, so that only differences mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `vruntime` of an entity.
    Vruntime,
    /// `deadline`, EEVDF's virtual deadline.
    Deadline,
    /// `vlag`: the lag of one that is off the queue. While an entity runs the kernel keeps there
    /// until when it is protected.
    Lag,
    /// `slice` in ns.
    Slice,
    /// `load.weight`; 1024 times that on 64 bits.
    Weight,
    /// 1 when it is on the queue.
    OnRq,
    /// 1 when it sleeps and is still on the queue (`sched_delayed`).
    Delayed,
    /// Levels above it: 0 at the root queue.
    Depth,
    /// `min_vruntime` of a queue.
    Min,
    /// `zero_vruntime` of a queue, from which `Sum` counts; kernels without it count from `Min`.
    Zero,
    /// Sum of weight times distance from there over the tree (`sum_w_vruntime`, before
    /// `avg_vruntime`).
    Sum,
    /// Sum of these weights (`sum_weight`, before `avg_load`): scaled down, unlike `Load`.
    SumWeight,
    /// `load.weight` of the queue, the running one counted.
    Load,
    /// Entities on the queue, the running one counted (`nr_queued`, before `nr_running`).
    Count,
}

impl Value {
    /// All: eight of entities, then those of queues.
    pub const ALL: [Self; 14] = [
        Self::Vruntime,
        Self::Deadline,
        Self::Lag,
        Self::Slice,
        Self::Weight,
        Self::OnRq,
        Self::Delayed,
        Self::Depth,
        Self::Min,
        Self::Zero,
        Self::Sum,
        Self::SumWeight,
        Self::Load,
        Self::Count,
    ];

    /// As in the names of columns.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vruntime => "vruntime",
            Self::Deadline => "deadline",
            Self::Lag => "lag",
            Self::Slice => "slice",
            Self::Weight => "weight",
            Self::OnRq => "on_rq",
            Self::Delayed => "delayed",
            Self::Depth => "depth",
            Self::Min => "min",
            Self::Zero => "zero",
            Self::Sum => "sum",
            Self::SumWeight => "sum_weight",
            Self::Load => "load",
            Self::Count => "count",
        }
    }
}

/// One number of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    /// Whose.
    pub of: Of,
    /// Which.
    pub value: Value,
}

/// Before the names of the columns.
const PREFIX: &str = "truth_";

impl Field {
    /// All, in the order of the columns.
    pub fn all() -> impl Iterator<Item = Self> {
        Of::ALL.into_iter().flat_map(|of| of.values().iter().map(move |&value| Self { of, value }))
    }

    /// Its column in the native format, e.g. `truth_next_group_vruntime`.
    pub fn column(self) -> String {
        format!("{PREFIX}{}_{}", self.of.label(), self.value.label())
    }

    /// The field of a column.
    pub fn of_column(name: &str) -> Option<Self> {
        name.starts_with(PREFIX).then(|| Self::all().find(|f| f.column() == name)).flatten()
    }

    fn place(self) -> usize {
        self.of as usize * Value::ALL.len() + self.value as usize
    }
}

/// No number: the kernel has no such thing there (a task that is in no group, say).
const NONE: i64 = i64::MIN;
/// No field.
const ABSENT: u8 = u8::MAX;

/// The rows of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    fields: Vec<Field>,
    /// Where each field is in a row.
    places: [u8; Of::ALL.len() * Value::ALL.len()],
    /// Events that have a row, ascending.
    events: Vec<u32>,
    values: Vec<i64>,
}

impl Truth {
    /// No rows yet, of these fields.
    pub fn new(fields: Vec<Field>) -> Self {
        let mut places = [ABSENT; Of::ALL.len() * Value::ALL.len()];
        (0..).zip(&fields).for_each(|(at, f)| places[f.place()] = at);
        Self { fields, places, events: Vec::new(), values: Vec::new() }
    }

    /// The row of event `event`, which comes after those before; one number a field.
    pub fn push(&mut self, event: usize, values: impl IntoIterator<Item = Option<i64>>) {
        self.events.push(event as u32);
        self.values.extend(values.into_iter().map(|v| v.unwrap_or(NONE)));
        self.values.resize(self.events.len() * self.fields.len(), NONE);
    }

    /// What rows have.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True when no switch has a row.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The row of switch `event`, if it has one.
    pub fn at(&self, event: usize) -> Option<TruthRow<'_>> {
        self.events.binary_search(&(event as u32)).ok().map(|row| self.row(row))
    }

    /// All rows with their events, in order.
    pub fn rows(&self) -> impl Iterator<Item = (usize, TruthRow<'_>)> {
        self.events.iter().enumerate().map(|(row, &event)| (event as usize, self.row(row)))
    }

    /// Those from event `event` on.
    pub fn rows_from(&self, event: usize) -> impl Iterator<Item = (usize, TruthRow<'_>)> {
        let first = self.events.partition_point(|e| (*e as usize) < event);
        (first..self.len()).map(|row| (self.events[row] as usize, self.row(row)))
    }

    fn row(&self, row: usize) -> TruthRow<'_> {
        let width = self.fields.len();
        TruthRow { truth: self, values: &self.values[row * width..(row + 1) * width] }
    }

    /// The same rows when event `i` has become `place[i]`.
    pub(super) fn permute(&mut self, place: &[u32]) {
        let mut order: Vec<(u32, u32)> =
            self.events.iter().map(|&e| place[e as usize]).zip(0..).collect();
        order.sort_unstable();
        let mut sorted = Self::new(std::mem::take(&mut self.fields));
        for (event, row) in order {
            let from = row as usize * sorted.fields.len();
            sorted.events.push(event);
            sorted.values.extend_from_slice(&self.values[from..from + sorted.fields.len()]);
        }
        *self = sorted;
    }

    /// Takes the rows of a later part of the same input, which has the same columns.
    pub(super) fn append(&mut self, other: &Self, before: usize) {
        for (event, row) in other.rows() {
            let values: Vec<Option<i64>> = self.fields.iter().map(|f| row.get(*f)).collect();
            self.push(before + event, values);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.events.capacity() * 4 + self.values.capacity() * 8
    }
}

/// What is known at one switch.
#[derive(Clone, Copy, Debug)]
pub struct TruthRow<'a> {
    truth: &'a Truth,
    values: &'a [i64],
}

impl TruthRow<'_> {
    /// One number; `None` where the kernel or this switch has none.
    pub fn get(&self, field: Field) -> Option<i64> {
        match self.truth.places[field.place()] {
            ABSENT => None,
            at => Some(self.values[usize::from(at)]).filter(|v| *v != NONE),
        }
    }

    /// [`Self::get`] of two words.
    pub fn value(&self, of: Of, value: Value) -> Option<i64> {
        self.get(Field { of, value })
    }

    /// In the order of [`Truth::fields`].
    pub fn values(&self) -> impl Iterator<Item = Option<i64>> {
        self.values.iter().map(|v| Some(*v).filter(|v| *v != NONE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_names_of_their_own_and_are_found_by_them() {
        let all: Vec<Field> = Field::all().collect();
        assert_eq!(all.len(), 52);
        for field in &all {
            assert_eq!(Field::of_column(&field.column()), Some(*field));
        }
        assert_eq!(all[0].column(), "truth_prev_vruntime");
        for none in ["truth_", "prev_vruntime", "truth_queue_vruntime", ""] {
            assert_eq!(Field::of_column(none), None, "{none}");
        }
    }

    #[test]
    fn rows_follow_their_events() {
        let fields: Vec<Field> = Field::all().take(2).collect();
        let mut truth = Truth::new(fields.clone());
        truth.push(1, [Some(-5), None]);
        truth.push(3, [Some(7), Some(8)]);
        truth.permute(&[0, 3, 2, 1]);
        let told = |t: &Truth| {
            t.rows().map(|(e, r)| (e, r.values().collect::<Vec<_>>())).collect::<Vec<_>>()
        };
        assert_eq!(told(&truth), [(1, vec![Some(7), Some(8)]), (3, vec![Some(-5), None])]);
        assert_eq!(
            (truth.at(3).unwrap().get(fields[0]), truth.at(3).unwrap().get(fields[1])),
            (Some(-5), None)
        );
        assert_eq!(truth.at(1).unwrap().value(Of::Queue, Value::Count), None);
        assert!(truth.at(2).is_none());
        let mut whole = Truth::new(fields);
        whole.append(&truth, 10);
        assert_eq!(whole.rows().map(|r| r.0).collect::<Vec<_>>(), [11, 13]);
    }
}
