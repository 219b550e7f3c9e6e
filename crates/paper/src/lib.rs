//! Receipts and certificates as PDF.
