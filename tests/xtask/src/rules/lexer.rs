//! Enough of Rust's lexical grammar to tell code, texts and comments apart, so that the rules
//! neither stumble over a word in a comment nor miss one in a text.
//!
//! Invariant: no input makes it panic; what is malformed is left to the compiler.

/// A source file taken apart.
pub(super) struct Source {
    /// The identifiers and the punctuation outside comments and texts, in order.
    pub(super) tokens: Vec<Token>,
    /// The texts (string literals), without their quotes.
    pub(super) texts: Vec<Token>,
}

/// A piece of a source file and the line, from 1, that it starts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) text: String,
}

/// Takes `source` apart. `::` is one token; other punctuation is one token a character.
pub(super) fn scan(source: &str) -> Source {
    let mut scanner = Scanner {
        characters: source.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut found = Source {
        tokens: Vec::new(),
        texts: Vec::new(),
    };
    while let Some(character) = scanner.peek(0) {
        let line = scanner.line;
        match character {
            '/' if scanner.peek(1) == Some('/') => scanner.skip_line(),
            '/' if scanner.peek(1) == Some('*') => scanner.skip_block(),
            '"' => found.texts.push(Token {
                line,
                text: scanner.quoted(),
            }),
            '\'' => scanner.skip_character_or_lifetime(),
            _ if is_word(character) => {
                let text = scanner.word();
                // The prefixes of raw, byte and C texts: r"", br#""#, c"" and their like.
                if matches!(text.as_str(), "r" | "br" | "cr") && scanner.starts_raw() {
                    found.texts.push(Token {
                        line,
                        text: scanner.raw(),
                    });
                } else if !(matches!(text.as_str(), "b" | "c")
                    && matches!(scanner.peek(0), Some('"' | '\'')))
                {
                    found.tokens.push(Token { line, text });
                }
            }
            ':' if scanner.peek(1) == Some(':') => {
                scanner.next();
                scanner.next();
                found.tokens.push(Token {
                    line,
                    text: "::".to_owned(),
                });
            }
            _ => {
                scanner.next();
                if !character.is_whitespace() {
                    found.tokens.push(Token {
                        line,
                        text: character.to_string(),
                    });
                }
            }
        }
    }
    found
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

struct Scanner {
    characters: Vec<char>,
    at: usize,
    line: usize,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek(0)?;
        self.at += 1;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|character| character != '\n') {
            self.next();
        }
    }

    /// Block comments nest.
    fn skip_block(&mut self) {
        let mut depth = 0;
        while let Some(character) = self.next() {
            match (character, self.peek(0)) {
                ('/', Some('*')) => {
                    self.next();
                    depth += 1;
                }
                ('*', Some('/')) => {
                    self.next();
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(character) = self.peek(0).filter(|character| is_word(*character)) {
            word.push(character);
            self.next();
        }
        word
    }

    fn quoted(&mut self) -> String {
        let mut text = String::new();
        self.next();
        while let Some(character) = self.next() {
            match character {
                '"' => break,
                // Only where a text ends matters; the escaped character stays as it is written.
                '\\' => text.extend(self.next()),
                _ => text.push(character),
            }
        }
        text
    }

    /// Whether a raw text follows its prefix. (`r#name` is an identifier.)
    fn starts_raw(&self) -> bool {
        let hashes = (0..)
            .take_while(|ahead| self.peek(*ahead) == Some('#'))
            .count();
        self.peek(hashes) == Some('"')
    }

    fn raw(&mut self) -> String {
        let mut hashes = 0;
        while self.next() == Some('#') {
            hashes += 1;
        }
        let mut text = String::new();
        while let Some(character) = self.next() {
            if character == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                for _ in 0..hashes {
                    self.next();
                }
                break;
            }
            text.push(character);
        }
        text
    }

    fn skip_character_or_lifetime(&mut self) {
        self.next();
        match (self.peek(0), self.peek(1)) {
            (Some('\\'), _) => {
                self.next();
                self.next();
                while self.next().is_some_and(|character| character != '\'') {}
            }
            (Some(_), Some('\'')) => {
                self.next();
                self.next();
            }
            // A lifetime: its name is no identifier that a rule asks about.
            _ => {
                self.word();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        scan(source)
            .tokens
            .into_iter()
            .map(|token| token.text)
            .collect()
    }

    fn texts(source: &str) -> Vec<String> {
        scan(source)
            .texts
            .into_iter()
            .map(|token| token.text)
            .collect()
    }

    #[test]
    fn comments_and_texts_are_not_code() {
        let source = "// a\nb /* c /* d */ e */ f \"g // h\" i";
        assert_eq!(words(source), ["b", "f", "i"]);
        assert_eq!(texts(source), ["g // h"]);
    }

    #[test]
    fn raw_byte_and_escaped_texts_end_where_they_end() {
        let source = r##"x(r#"a "quoted" b"#, b"c\"d", br"e", r"f") y r#type"##;
        assert_eq!(texts(source), ["a \"quoted\" b", "c\"d", "e", "f"]);
        assert_eq!(
            words(source),
            ["x", "(", ",", ",", ",", ")", "y", "r", "#", "type"]
        );
    }

    #[test]
    fn characters_and_lifetimes_do_not_open_texts() {
        assert_eq!(
            words("a '\"' b '\\'' c b'\"' d &'x str"),
            ["a", "b", "c", "d", "&", "str"]
        );
    }

    #[test]
    fn paths_and_lines_are_kept() {
        let tokens = scan("use crate::a;\n\nb").tokens;
        assert_eq!(
            tokens[2],
            Token {
                line: 1,
                text: "::".to_owned()
            }
        );
        assert_eq!(
            tokens[5],
            Token {
                line: 3,
                text: "b".to_owned()
            }
        );
    }

    #[test]
    fn an_unfinished_source_does_not_hang_or_panic() {
        for source in ["\"", "'", "'\\", "/*", "r#\"", "b'", "r", "\\"] {
            scan(source);
        }
    }
}
