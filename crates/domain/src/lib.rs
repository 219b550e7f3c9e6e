//! Money, dates, identifiers, formulas: pure.
