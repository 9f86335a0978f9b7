use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::*;

fn vocabulary() -> Vocabulary {
    let params = [
        ("t", json!(true)),
        ("f", json!(false)),
        ("u", json!(true)),
        ("none", json!(true)),
        ("n", json!(3)),
        ("x", json!(3.0)),
        ("nn", json!(3)),
        ("un", json!(3)),
        ("text", json!("a")),
        ("list", json!([1, 2])),
        ("empty", json!([1])),
        ("map", json!({"k": 1})),
    ];
    Vocabulary::host(&params.map(|(key, value)| (key.to_owned(), value)).into())
}

/// `params.u` and `params.un` are unknown, `params.none` and `params.nn` absent.
fn truth(condition: &str) -> Truth {
    let mut context = Context::with_env(Arc::clone(functions::library()));
    functions::register(&mut context);
    let list = |items: &[i64]| Value::List(Arc::new(items.iter().map(|item| Value::Int(*item)).collect()));
    let map = |entries: Vec<(&str, Value)>| {
        let map = entries.into_iter().map(|(key, value)| (cel::objects::Key::from(key), value));
        Value::Map(cel::objects::Map { map: Arc::new(map.collect()) })
    };
    let params = map(vec![
        ("t", Value::Bool(true)),
        ("f", Value::Bool(false)),
        ("none", Value::Null),
        ("n", Value::Int(3)),
        ("x", Value::Float(3.0)),
        ("nn", Value::Null),
        ("text", Value::String(Arc::new("a".to_owned()))),
        ("list", list(&[1, 2])),
        ("empty", list(&[])),
        ("map", map(vec![("k", Value::Int(1))])),
    ]);
    context.add_variable_from_value("params", params);
    match Condition::compile(condition, &vocabulary()) {
        Ok(compiled) => compiled.evaluate(&context),
        Err(error) => panic!("{condition}: {error:?}"),
    }
}

#[track_caller]
fn all(wanted: &str, conditions: &[&str]) {
    for condition in conditions {
        let is = match truth(condition) {
            Truth::True => "true",
            Truth::False => "false",
            Truth::Unknown(_) => "unknown",
        };
        assert_eq!(is, wanted, "{condition}");
    }
}

/// Kleene's tables, both ways round, for every way in which a value can be unknown.
#[test]
fn unknown_is_a_third_truth() {
    for u in ["params.u", "params.un == 3", "unknown('so')", "params.map['lost'] == 1", "params.n / 0 == 1"] {
        let with = |text: &str| text.replace('U', &format!("({u})"));
        for (wanted, conditions) in [
            (
                "false",
                &["params.f && U", "U && params.f", "!(U || params.t)", "U && params.t && params.f"][..],
            ),
            ("true", &["params.t || U", "U || params.t", "!(params.f && U)", "U || params.f || params.t"]),
            (
                "unknown",
                &[
                    "U",
                    "!U",
                    "U && U",
                    "U || U",
                    "params.t && U",
                    "U && params.t",
                    "params.f || U",
                    "U || params.f",
                    "U == true",
                    "U != true",
                    "U == U",
                    "U ? true : true",
                    "params.t ? U : true",
                    "params.f ? true : U",
                    "[U] == [U]",
                    "U in [true]",
                ],
            ),
            ("true", &["params.t ? params.t : U", "params.f ? U : params.t"]),
        ] {
            for condition in conditions {
                all(wanted, &[&with(condition)]);
            }
        }
    }
}

#[test]
fn an_absent_fact_equals_null_and_nothing_else() {
    all("true", &["params.none == null", "null == params.none", "params.nn != 3", "params.t != null"]);
    all("false", &["params.none == true", "params.none == false", "params.nn == 3", "params.n == null"]);
    all("true", &["params.none == null || params.none", "!(params.none != null && params.none)"]);
    // What cannot take null is no answer.
    all("unknown", &["params.none", "!params.none", "params.nn > 2", "params.nn < 2", "params.nn + 1 == 4"]);
    all("unknown", &["params.u == null", "params.u != null", "params.un == null"]);
}

#[test]
fn whole_numbers_and_others_compare_and_do_not_mix() {
    all(
        "true",
        &["params.n == params.x", "params.n == 3.0", "params.x == 3", "params.n < 3.5", "params.x >= 3"],
    );
    all(
        "true",
        &["params.n + 1 == 4", "params.x + 1.0 == 4.0", "double(params.n) * 2.0 == 6.0", "-params.n == -3"],
    );
    all("true", &["int('7') == 7", "7 / 2 == 3", "7 % 2 == 1", "params.n in [1, 2, 3]"]);
    all("unknown", &["params.n / 0 == 1", "9223372036854775807 + params.n > 0", "int('x') == 1"]);
    assert!(Condition::compile("params.n + params.x == 6.0", &vocabulary()).is_err());
    assert!(Condition::compile("params.n == 3u", &vocabulary()).is_err());
    assert!(Condition::compile("params.n == 'a'", &vocabulary()).is_err());
    assert!(Condition::compile("uint(params.n) == params.n", &vocabulary()).is_err());
}

#[test]
fn lists_are_walked_with_unknown_elements() {
    all(
        "true",
        &["params.list.all(e, e > 0)", "params.list.exists(e, e == 2)", "params.empty.all(e, e > 5)"],
    );
    all(
        "false",
        &["params.list.all(e, e > 1)", "params.list.exists(e, e > 5)", "params.empty.exists(e, true)"],
    );
    // One counterexample is enough for `all`, one example for `exists`, whatever the others are.
    all(
        "false",
        &[
            "params.list.all(e, e == 1 ? unknown('so') : false)",
            "params.list.all(e, e == 2 ? params.u : false)",
        ],
    );
    all(
        "true",
        &[
            "params.list.exists(e, e == 1 ? unknown('so') : true)",
            "params.list.exists(e, e == 2 ? params.u : true)",
        ],
    );
    all(
        "unknown",
        &[
            "params.list.all(e, e == 1 ? params.u : true)",
            "params.list.all(e, e == 2 ? params.u : true)",
            "params.list.exists(e, e == 1 ? params.u : false)",
            "params.list.exists(e, e == 2 ? params.u : false)",
            "params.un.all(e, true)",
            "params.nn in params.un",
            "params.list.filter(e, params.u).size() == 0",
            "params.list.map(e, params.un) == []",
        ]
        .into_iter()
        .filter(|condition| Condition::compile(condition, &vocabulary()).is_ok())
        .collect::<Vec<_>>(),
    );
    all(
        "true",
        &["'k' in params.map", "!('z' in params.map)", "params.map.k == 1", "size(params.list) == 2"],
    );
    all("unknown", &["params.map.z == 1", "params.list[7] == 1"]);
}

/// `unknown()` gives its own reason, wherever it stands.
#[test]
fn a_reason_is_carried_out() {
    assert_eq!(truth("params.t ? unknown('so') : true"), Truth::Unknown("so".to_owned()));
    assert_eq!(truth("params.t && unknown('so')"), Truth::Unknown("so".to_owned()));
    assert_eq!(truth("params.f && unknown('so')"), Truth::False);
}

#[test]
fn what_could_exhaust_the_parser_is_refused_at_once() {
    let names = Vocabulary::host(&BTreeMap::new());
    for text in [
        "(".repeat(10_000) + "true" + &")".repeat(10_000),
        "[".repeat(4000),
        "!".repeat(4000) + "true",
        "-".repeat(4000) + "1 == 1",
        "true ? ".repeat(500) + "true" + &" : true".repeat(500),
        "a.".repeat(2000) + "b",
        "{1:".repeat(1300),
        ["true"; 400].join("||"),
        "\u{0}".repeat(4000),
        "'".to_owned() + &"x".repeat(4000),
    ] {
        assert!(Condition::compile(&text, &names).is_err(), "{}", &text[..40]);
    }
}

#[test]
fn loops_nest_four_deep_and_follow_each_other_as_often_as_they_like() {
    let chain = "params.list".to_owned() + &".map(x, x + 1)".repeat(8) + " == [9, 10]";
    all("true", &[&chain]);
    let nested = |deep: usize| {
        let open: String = (0..deep).map(|at| format!("params.list.all(v{at}, ")).collect();
        open + "true" + &")".repeat(deep)
    };
    all("true", &[&nested(4)]);
    let error = Condition::compile(&nested(5), &vocabulary()).expect_err("too deep");
    assert!(error.message.contains("nested 5 deep"), "{error:?}");
}

/// What costs too much is unknown, whatever else the condition says.
#[test]
fn what_costs_too_much_is_unknown() {
    let hundred = format!("{:?}", (0..100).collect::<Vec<_>>());
    let long = "'0123456789'".to_owned();
    for condition in [
        format!("{hundred}.all(a, {hundred}.all(b, {hundred}.all(c, {hundred} == {hundred})))"),
        format!("true || {hundred}.all(a, {hundred}.all(b, {hundred}.all(c, {hundred} == [])))"),
        format!("[{long}]{} == []", ".map(x, x + x)".repeat(30)),
        format!("[{long}]{}.size() == 1", ".map(x, [x, x])".repeat(30)),
        format!("[{long}]{}.exists(x, true)", ".map(x, {'a': x, 'b': x})".repeat(30)),
    ] {
        match truth(&condition) {
            Truth::Unknown(reason) => assert!(reason.starts_with("the condition"), "{condition}: {reason}"),
            Truth::True if condition.starts_with("true ||") => {}
            other => panic!("{condition}: {other:?}"),
        }
    }
    all("true", &["params.list.all(e, e in params.list) && [1, 2].map(x, x + 1) == [2, 3]"]);
    all("true", &["params.list.map(x, [x]) == [[1], [2]] && {'a': params.list}['a'] == [1, 2]"]);
}
