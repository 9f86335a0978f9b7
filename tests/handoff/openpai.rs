//! openpai
