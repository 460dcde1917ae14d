//! Filters are read as they are written; whatever is typed is a filter or an error inside it.

use super::common::recordings;
use super::{NAMES, TABLE};
use assert_cmd::Command;
use kernel_oracle::evaluate::mistakes::column::COLUMNS;
use kernel_oracle::evaluate::mistakes::filter::{OPS, Op, Value, complete, parse};
use kernel_oracle::evaluate::mistakes::{Column, Expr, Kind, Table};
use kernel_oracle::query::Columns;
use proptest::prelude::*;

#[test]
fn a_bad_expression_is_wrong_usage_and_pointed_at() {
    let mut command = Command::cargo_bin("koracle").unwrap();
    let file = recordings::path(NAMES[0]);
    let assert =
        command.args(["mistakes", "--where", "cpu=0 and quue>4"]).arg(&file).assert().code(2);
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(text.contains("column 11: no column \"quue\" (did you mean queue?)"), "{text}");
    assert!(text.contains("\n              ^^^^\n"), "{text}");
}

fn value(column: Column) -> BoxedStrategy<Value> {
    // Of a column that has few values only those can be asked for.
    if let choices @ [_, ..] = &column.choices()[..] {
        return prop::sample::select(choices.to_vec())
            .prop_map(|text| Value::Text(text.into()))
            .boxed();
    }
    // What a column never has is refused.
    match column {
        Column::Bin => return (1_u64..=15).prop_map(Value::Number).boxed(),
        Column::State => {
            return prop::sample::select(vec!["S", "D", "R", "R+", "T"])
                .prop_map(|text| Value::Text(text.into()))
                .boxed();
        }
        _ => {}
    }
    match column.kind() {
        Kind::Count | Kind::Time => {
            prop_oneof![0_u64..100, any::<u64>(), (0_u64..99).prop_map(|n| n * 1_000_000)]
                .prop_map(Value::Number)
                .boxed()
        }
        Kind::Share => (0.0_f32..=1.0).prop_map(Value::Share).boxed(),
        Kind::Text | Kind::Flag => {
            prop_oneof!["[a-zA-Z/:0-9 \"\\\\()=<>~!.+-]{0,12}", any::<String>(), Just("and".into())]
                .prop_map(Value::Text)
                .boxed()
        }
    }
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop::sample::select(COLUMNS.to_vec()).prop_flat_map(|(column, _, kind, _)| {
        let ops: Vec<Op> = OPS.iter().map(|o| o.0).filter(|op| op.fits(kind)).collect();
        if ops.is_empty() {
            return Just(Expr::Flag(column)).boxed();
        }
        (prop::sample::select(ops), value(column))
            .prop_map(move |(op, v)| Expr::Compare(column, op, v))
            .boxed()
    });
    leaf.prop_recursive(6, 48, 2, |inside| {
        prop_oneof![
            (inside.clone(), inside.clone()).prop_map(|(a, b)| Expr::Or(Box::new(a), Box::new(b))),
            (inside.clone(), inside.clone()).prop_map(|(a, b)| Expr::And(Box::new(a), Box::new(b))),
            inside.prop_map(|a| Expr::Not(Box::new(a))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_back(e in expr()) {
        let text = e.to_string();
        prop_assert_eq!(parse(&text).map_err(|x| format!("{text}\n{}\n{x}", x.pointer())), Ok(e));
    }

    #[test]
    fn anything_typed_is_an_expression_or_an_error_inside_it(
        text in prop_oneof!["[a-z_=<>~!()\" .0-9]{0,40}", any::<String>()],
        at in 0_usize..60,
    ) {
        let length = text.chars().count();
        if let Err(e) = parse(&text) {
            prop_assert!(e.start <= length && e.end > e.start && e.end <= length + 1, "{:?}", e);
            prop_assert_eq!(e.pointer().chars().count(), e.end);
        }
        let c = complete(&Table::default(), &text, at);
        prop_assert!(c.start <= c.end && c.end <= length);
    }

    #[test]
    fn what_is_offered_can_be_typed(e in expr(), cut in 0_usize..80) {
        let text = e.to_string();
        let completion = complete(&TABLE, &text, cut.min(text.chars().count()));
        let head: String = text.chars().take(completion.start).collect();
        for choice in completion.choices {
            let typed = format!("{head}{} ", choice.text);
            let end = typed.chars().count();
            // It may be unfinished, but what is there is not wrong.
            if let Err(e) = parse(&typed) {
                prop_assert!(e.start + 1 >= end - 1, "{:?}: {}", typed, e);
            }
        }
    }

    #[test]
    fn sets_of_expressions_are_sets(a in expr(), b in expr()) {
        let t = &*TABLE;
        let (x, y) = (a.rows(t), b.rows(t));
        let both = a.clone().and(b.clone()).rows(t);
        let either = Expr::Or(Box::new(a.clone()), Box::new(b)).rows(t);
        prop_assert_eq!(both.count() + either.count(), x.count() + y.count());
        prop_assert_eq!(a.negate().rows(t).count() + x.count(), t.len());
    }
}
