//! Pickles that Python 3.11 wrote, and what others might write.

use super::*;

/// Protocol 3; protocol 2 differs in its second byte alone.
const PROTOCOL_3: &str = "\
     80037d71002858130000005365733031465f696d70726f30315f4630303071017d710228580a00000073746172745f74\
     696d6571034740190000000000005808000000656e645f74696d65710447402100000000000058050000006c6162656c\
     710558030000006e657571065804000000746578747107580d000000457863757365206d6520c3a92e71085802000000\
     737271094d803e5803000000667073710a47403df851eb851eb875580e0000002d33673579414377596e415f3130710b\
     7d710c28680758030000004b6579710d68055d710e284b004b004b014affffffff4a7011010088657558030000006269\
     67710f7d71102868074e68054b018a060000000000ff47400c00000000000087711175580400000073616d6571126810\
     752e";
/// Protocol 4; protocol 5 differs in its second byte alone.
const PROTOCOL_4: &str = "\
     800495e6000000000000007d94288c135365733031465f696d70726f30315f46303030947d94288c0a73746172745f74\
     696d65944740190000000000008c08656e645f74696d65944740210000000000008c056c6162656c948c036e6575948c\
     0474657874948c0d457863757365206d6520c3a92e948c027372944d803e8c036670739447403df851eb851eb8758c0e\
     2d33673579414377596e415f3130947d942868078c034b65799468055d94284b004b004b014affffffff4a7011010088\
     65758c03626967947d942868074e68054b018a060000000000ff47400c0000000000008794758c0473616d6594681075\
     2e";
/// `{"a": collections.OrderedDict()}`, protocols 2 and 4.
const FOREIGN: [&str; 2] = [
    "80027d7100580100000061710163636f6c6c656374696f6e730a4f726465726564446963740a710229527103732e",
    "80049529000000000000007d948c0161948c0b636f6c6c656374696f6e73948c0b4f72646572656444696374949394295294732e",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn dict<'a>(pickle: &'a Pickle, value: &'a Value) -> &'a [(Index, Index)] {
    match value {
        Value::Dict(dict) => dict,
        other => panic!("{pickle:?}: {other:?}"),
    }
}

fn numbers(pickle: &Pickle, value: &Value) -> Vec<f64> {
    match value {
        Value::List(items) => items
            .iter()
            .map(|item| pickle.get(*item).number().unwrap())
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_python_wrote_comes_back() {
    for (hex, protocol) in [
        (PROTOCOL_3, 2),
        (PROTOCOL_3, 3),
        (PROTOCOL_4, 4),
        (PROTOCOL_4, 5),
    ] {
        let mut bytes = bytes(hex);
        bytes[1] = protocol;
        let pickle = Pickle::read(&bytes).unwrap();
        let all = dict(&pickle, pickle.root());
        assert_eq!(all.len(), 4);
        let first = dict(&pickle, pickle.under(all, "Ses01F_impro01_F000").unwrap());
        let found = |key| pickle.under(first, key).unwrap();
        assert_eq!(found("text"), &Value::Text("Excuse me é.".into()));
        assert_eq!(found("label"), &Value::Text("neu".into()));
        assert_eq!(found("start_time"), &Value::Float(6.25));
        assert_eq!(found("sr"), &Value::Int(16_000));
        let second = dict(&pickle, pickle.under(all, "-3g5yACwYnA_10").unwrap());
        let label = pickle.under(second, "label").unwrap();
        assert_eq!(
            numbers(&pickle, label),
            [0.0, 0.0, 1.0, -1.0, 70_000.0, 1.0]
        );
        for name in ["big", "same"] {
            let third = dict(&pickle, pickle.under(all, name).unwrap());
            assert_eq!(pickle.under(third, "text"), Some(&Value::None));
            let label = pickle.under(third, "label").unwrap();
            assert_eq!(numbers(&pickle, label), [1.0, -1_099_511_627_776.0, 3.5]);
        }
    }
}

#[test]
fn a_foreign_class_is_named_with_its_place() {
    for (hex, at) in FOREIGN.iter().zip([13, 45]) {
        let error = Pickle::read(&bytes(hex)).unwrap_err();
        assert_eq!(error.at, at, "{error}");
        assert!(
            error.reason.contains("`collections.OrderedDict`"),
            "{error}"
        );
    }
    let error = Pickle::read(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("byte 2: it names the class or function `os.system`")
    );
}

#[test]
fn damage_is_an_error_wherever_it_is() {
    for hex in [PROTOCOL_3, PROTOCOL_4] {
        let whole = bytes(hex);
        for length in 0..whole.len() {
            assert!(Pickle::read(&whole[..length]).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                // A value or an error, never a panic.
                let _ = Pickle::read(&bytes);
            }
        }
    }
}

#[test]
fn nesting_and_cycles_cost_no_stack() {
    let mut deep = b"\x80\x02".to_vec();
    deep.extend(b"]".repeat(1_000_000));
    deep.extend(b"a".repeat(999_999));
    deep.push(b'.');
    assert!(matches!(
        Pickle::read(&deep).unwrap().root(),
        Value::List(_)
    ));
    // A list that holds itself.
    assert!(Pickle::read(b"\x80\x02]q\0h\0a.").is_ok());
    let huge = b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f";
    assert!(Pickle::read(huge).is_err());
    assert!(Pickle::read(b"\x80\x02]r\xff\xff\xff\x7f.").is_err());
}
