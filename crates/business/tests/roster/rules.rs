//! A roster against the books: who changes, who is missing, what it costs, what is wrong.

use anju_business::contribution::roster::{
    DifferenceKind, Elsewhere, Mode, PoliceAnswer, read, writer,
};
use anju_domain::money::Fen;

use crate::town::{LI, MAI, OUYANG, Town, WANG, id, li, ouyang, town};

#[test]
fn an_employer_s_first_roster_adds_everybody_and_an_empty_change_means_so() {
    let checked = Town::new()
        .upload(&[
            [
                "李梅",
                LI,
                "6543.21",
                "12",
                "0.12",
                "",
                "1570",
                "13800138001",
            ],
            ["欧阳娜", OUYANG, "5,000.00", "", "", "新增", "", ""],
        ])
        .expect("a sound roster");
    assert_eq!((checked.changes.added, checked.list.len()), (2, 2));
    // 6,543.21 × 12 % = 785.19 → 785 each; 5,000 × 12 % = 600 each.
    assert_eq!(checked.total, Fen::yuan(1_570 + 1_200));
    assert_eq!(
        checked.list[0].phone.as_ref().map(|phone| phone.expose()),
        Some("13800138001")
    );
    assert!(checked.equation.holds());
    assert_eq!(
        (
            checked.equation.people_before,
            checked.equation.people_added,
            checked.differences.len()
        ),
        (0, 2, 2)
    );
    assert_eq!(checked.digest.len(), 64);
}

#[test]
fn a_roster_without_change_differs_in_nothing() {
    let checked = town()
        .upload(&[ouyang("", "5000"), li("", "6000")])
        .expect("a sound roster");
    assert_eq!(checked.differences, []);
    assert_eq!(checked.total, Fen::yuan(1_440 + 1_200));
    let ids: Vec<&str> = checked
        .list
        .iter()
        .map(|line| line.id_number.expose())
        .collect();
    assert_eq!(
        ids,
        [LI, OUYANG],
        "the list is ordered by ID number whatever the rows"
    );
}

#[test]
fn every_change_finds_its_way_into_list_and_differences() {
    let rows = [
        li("基数调整", "7000"),
        ouyang("封存", ""),
        [
            "买买提•吐尔逊",
            "650102198512312178",
            "8500",
            "",
            "",
            "启封",
            "",
            "",
        ],
        ["王𬭎", WANG, "7350.5", "", "", "新增", "", ""],
    ];
    let checked = town().upload(&rows).expect("a sound roster");
    let counts = checked.changes;
    assert_eq!(
        (counts.added, counts.sealed, counts.unsealed, counts.changed),
        (1, 1, 1, 1)
    );
    assert_eq!(checked.sealed, [id(OUYANG)]);
    let kinds: Vec<_> = checked
        .differences
        .iter()
        .map(|one| {
            (
                one.name_masked.as_str(),
                one.kind,
                one.before_fen,
                one.after_fen,
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (
                "李*",
                DifferenceKind::Base,
                Fen::yuan(1_440),
                Fen::yuan(1_680)
            ),
            ("王*", DifferenceKind::Added, Fen::ZERO, Fen::yuan(1_764)),
            (
                "买******",
                DifferenceKind::Unsealed,
                Fen::ZERO,
                Fen::yuan(2_040)
            ),
            ("欧阳*", DifferenceKind::Sealed, Fen::yuan(1_200), Fen::ZERO),
        ]
    );
    let equation = checked.equation;
    assert!(equation.holds());
    assert_eq!(
        (
            equation.people_before,
            equation.people_added,
            equation.people_removed,
            equation.people_after
        ),
        (2, 2, 1, 3)
    );
    assert_eq!(equation.amount_adjusted_fen, Fen::yuan(240));
}

#[test]
fn the_digest_is_of_the_list_and_not_of_the_file() {
    let complete = town()
        .upload(&[li("基数调整", "7000"), ouyang("", "5000")])
        .expect("a sound roster");
    let mut town = town();
    town.mode = Mode::Changes;
    let changes = town
        .upload(&[li("基数调整", "7,000.00")])
        .expect("a sound roster");
    assert_eq!(
        (changes.digest.clone(), changes.total, changes.list.len()),
        (complete.digest, complete.total, complete.list.len())
    );
    let other = town
        .upload(&[li("基数调整", "7001")])
        .expect("a sound roster");
    assert_ne!(other.digest, changes.digest);
}

#[test]
fn nobody_is_dropped_by_silence() {
    assert_eq!(
        town().faults(&[li("", "6000")]),
        [(None, None, "E-ROW-02")],
        "the sealed one may be absent, Ouyang may not"
    );
    // Whose number cannot be read is not reported as missing too.
    assert_eq!(
        town().faults(&[
            li("", "6000"),
            ["欧阳娜", "500106197806150079", "5000", "", "", "", "", ""]
        ]),
        [(Some(3), Some("证件号码"), "E-PERS-01")]
    );
}

#[test]
fn a_change_must_fit_the_person_s_state() {
    let newcomer = |change| ["王𬭎", WANG, "7000", "", "", change, "", ""];
    let sealed = |change| ["买买提·吐尔逊", MAI, "8000", "", "", change, "", ""];
    for (row, what) in [
        (newcomer(""), "a stranger without 新增"),
        (newcomer("启封"), "a stranger to unseal"),
        (newcomer("封存"), "a stranger to seal"),
        (newcomer("基数调整"), "a stranger to adjust"),
        (sealed(""), "a sealed person as if contributing"),
        (sealed("封存"), "a sealed person to seal"),
        (sealed("新增"), "a sealed person to add"),
        (sealed("基数调整"), "a sealed person to adjust"),
    ] {
        assert_eq!(
            town().faults(&[li("", "6000"), ouyang("", "5000"), row]),
            [(Some(4), Some("变更"), "E-ROW-07")],
            "{what}"
        );
    }
    for (row, what) in [
        (li("新增", "6000"), "a member to add"),
        (li("启封", "6000"), "a member to unseal"),
        (li("", "6001"), "another base without saying so"),
        (li("基数调整", "6000"), "an adjustment to the same base"),
    ] {
        assert_eq!(
            town().faults(&[row, ouyang("", "5000")]),
            [(Some(2), Some("变更"), "E-ROW-07")],
            "{what}"
        );
    }
}

#[test]
fn one_person_stands_once() {
    let old_form = ["欧阳娜", "500106780615007", "5000", "", "", "", "", ""];
    assert_eq!(
        town().faults(&[li("", "6000"), ouyang("", "5000"), old_form]),
        [(Some(4), Some("证件号码"), "E-ROW-01")]
    );
}

#[test]
fn one_person_has_one_account_in_the_centre() {
    let rows = [["李梅", LI, "6000", "", "", "新增", "", ""]];
    let mut town = Town::new();
    town.elsewhere.insert(id(LI), Elsewhere::Active);
    assert_eq!(
        town.faults(&rows),
        [(Some(2), Some("证件号码"), "E-PERS-04")]
    );
    town.elsewhere.insert(id(LI), Elsewhere::Retired);
    assert_eq!(
        town.faults(&rows),
        [(Some(2), Some("证件号码"), "E-PERS-06")]
    );
    for (place, notice) in [(Elsewhere::Sealed, true), (Elsewhere::Closed, false)] {
        town.elsewhere.insert(id(LI), place);
        let checked = town.upload(&rows).expect("a sound roster");
        assert_eq!(checked.list[0].joins_from, Some(place));
        assert_eq!(
            checked.notices.iter().any(|one| one.code == "W-PERS-04"),
            notice
        );
    }
}

#[test]
fn names_and_numbers_are_confirmed_by_the_police() {
    let rows = [li("新增", "6000")];
    let mut town = Town::new();
    for (answer, fault) in [
        (
            PoliceAnswer::Mismatched,
            Some((Some(2), Some("姓名"), "E-PERS-02")),
        ),
        (
            PoliceAnswer::Dead,
            Some((Some(2), Some("证件号码"), "E-PERS-03")),
        ),
    ] {
        town.police.insert(id(LI), answer);
        assert_eq!(town.faults(&rows).pop(), fault);
    }
    for (answer, notice) in [
        (PoliceAnswer::Matched, None),
        (PoliceAnswer::Absent, Some("W-PERS-03")),
        (PoliceAnswer::Unknown, Some("W-PERS-02")),
    ] {
        town.police.insert(id(LI), answer);
        let checked = town.upload(&rows).expect("a sound roster");
        assert_eq!(
            checked.notices.first().map(|one| one.code),
            notice,
            "{answer:?}"
        );
    }
}

#[test]
fn a_member_s_name_is_the_one_in_the_books() {
    assert_eq!(
        town().faults(&[["李美", LI, "6000", "", "", "", "", ""], ouyang("", "5000")]),
        [(Some(2), Some("姓名"), "E-PERS-02")]
    );
}

#[test]
fn who_is_not_sixteen_on_the_first_of_the_month_cannot_join() {
    let row = |number| [["王小", number, "5000", "", "", "新增", "", ""]];
    assert!(
        Town::new().upload(&row("500103201011010014")).is_ok(),
        "sixteen on 1 November 2026"
    );
    assert_eq!(
        Town::new().faults(&row("500103201011020036")),
        [(Some(2), Some("证件号码"), "E-PERS-01")]
    );
}

#[test]
fn somebody_must_be_left() {
    assert_eq!(
        town().faults(&[li("封存", ""), ouyang("封存", "5000")]),
        [(None, None, "E-REMIT-03")]
    );
}

#[test]
fn all_faults_of_a_file_come_in_one_answer_by_row() {
    let rows = [
        ["=李梅", LI, "12,3OO", "10", "", "离职", "abc", "1"],
        ["欧阳娜", OUYANG, "", "", "", "", "", ""],
        ["王𬭎", WANG, "100", "", "", "新增", "1", ""],
        ["王𬭎", WANG, "7000", "", "", "新增", "", ""],
    ];
    let refused = town().upload(&rows).expect_err("faults");
    let faults: Vec<_> = refused
        .faults
        .iter()
        .map(|fault| (fault.row.unwrap_or(0), fault.code))
        .collect();
    assert_eq!(
        faults,
        [
            (2, "E-ROW-06"),
            (2, "E-ROW-05"),
            (2, "E-ROW-03"),
            (2, "E-ROW-05"),
            (2, "E-ROW-05"),
            (2, "E-RATIO-06"),
            (3, "E-ROW-05"),
            (4, "E-BASE-01"),
            (4, "E-ROW-04"),
            (5, "E-ROW-01"),
        ]
    );
    assert_eq!(refused.right_rows, 0);
}

#[test]
fn what_we_write_is_read_again() {
    let town = town();
    let checked = town
        .upload_file(&writer::last_roster(town.month, &town.last_month).expect("a file"))
        .expect("a sound roster");
    assert_eq!(
        (checked.differences.len(), checked.total),
        (0, Fen::yuan(1_440 + 1_200))
    );
    let empty = read(&writer::template(town.month).expect("a file")).expect_err("nobody in it");
    assert_eq!(empty[0].code, "E-FILE-12");
}

#[test]
fn the_annotated_file_keeps_every_cell_in_its_place() {
    let town = town();
    let rows = [li("", "12,3OO"), ouyang("", "5000")];
    let original = read(&crate::town::roster(&rows)).expect("a roster");
    let refused = town.upload(&rows).expect_err("a fault");
    let annotated = writer::annotated(town.month, &original, &refused.faults).expect("a file");
    assert_eq!(read(&annotated).expect("a roster").notices, []);
    let again = town.upload_file(&annotated).expect_err("the same fault");
    assert_eq!(again.faults, refused.faults);
}
