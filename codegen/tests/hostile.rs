//! Text of a contract never becomes code.
//!
//! One contract is generated with harmless text and with hostile text in the same places. Apart from what stands in
//! string literals and in documentation, both must give the same tokens. (`contracts/hostile` has hostile names and is
//! compiled.)
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// `TEXT` stands where the contract may say anything.
const CONTRACT: &str = r##"{
  "openapi": "3.1.0",
  "info": { "title": TEXT, "version": TEXT, "description": TEXT },
  "tags": [{ "name": "things", "description": TEXT }],
  "paths": { "/things/{id}": { "post": {
    "tags": ["things"], "operationId": "makeThing", "summary": TEXT, "description": TEXT,
    "parameters": [
      { "name": "id", "in": "path", "required": true, "description": TEXT, "schema": { "type": "string" } },
      { "name": "size", "in": "query", "description": TEXT, "schema": { "type": "string", "default": TEXT } }
    ],
    "requestBody": { "description": TEXT, "content": {
      "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } },
      "multipart/form-data": { "schema": { "type": "object", "properties": { "file": { "type": "string", "format": "binary", "description": TEXT } } } }
    } },
    "responses": {
      "200": { "description": TEXT, "headers": { "ETag": { "description": TEXT, "schema": { "type": "string" } } },
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
      "default": { "description": TEXT }
    },
    "security": [{ "key": [TEXT] }]
  } } },
  "components": {
    "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "bearerFormat": TEXT, "description": TEXT } },
    "schemas": { "Thing": { "title": TEXT, "description": TEXT, "type": "object", "properties": {
      "name": { "type": "string", "description": TEXT, "default": TEXT },
      "names": { "type": "array", "items": { "type": "string" }, "default": [TEXT] },
      "kind": { "description": TEXT, "enum": ["one", "two"] },
      "pet": { "description": TEXT, "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }],
        "discriminator": { "propertyName": "says", "mapping": { TEXT: "#/components/schemas/Cat", "bow": "#/components/schemas/Dog" } } }
    } },
    "Cat": { "type": "object", "properties": { "says": { "type": "string", "description": TEXT } } },
    "Dog": { "type": "object", "properties": { "says": { "type": "string" } } } }
  }
}"##;

const HOSTILE: &[&str] = &[
    "\"",
    "\\",
    "\\\"",
    "\"; panic!(); \"",
    "\"#",
    "\"##\\",
    "*/ fn main() {} /*",
    "{{ api }} {% if true %}",
    "line\nline\r\nline\rline\u{2028}line",
    "\u{202e}\u{2066}\u{feff}\u{200b}\u{0}\u{7}\u{1b}[31m",
    "```\nlet x = 1;",
    "    indented()",
    "[Vec] [`Option`] [a][b] [x](Y) [^1]",
    "<script>alert(1)</script> <T> <!-- ",
    "- - -\n1. a\n> b\n# c\n---\n| a |",
    "//! x\n/// y\n#![allow(warnings)]",
    "'a'",
    "é漢字🦀 e\u{301}",
    "https://example.com/<x> http://",
];

#[test]
fn hostile_text_stays_text() {
    let harmless = tokens("words");
    for text in HOSTILE {
        let hostile = tokens(text);
        assert_eq!(harmless.len(), hostile.len(), "{text:?}");
        for ((path, harmless), (_, hostile)) in harmless.iter().zip(&hostile) {
            assert!(harmless == hostile, "{path} has other code with {text:?}\n{harmless}\n{hostile}");
        }
    }
}

/// The generated files without documentation and without what is in string literals.
fn tokens(text: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let contract = folder.path().join("openapi.json");
    fs::write(&contract, CONTRACT.replace("TEXT", &serde_json::to_string(text).unwrap())).unwrap();
    let generated = specwright_codegen::generate(&contract).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let mut files = Vec::new();
    for (kind, of) in support::crates(&generated) {
        for file in of {
            let comments = file.text.lines().filter(|line| line.trim_start().starts_with("//"));
            assert!(comments.clone().all(|line| !line.chars().any(char::is_control)), "{text:?}");
            files.push((format!("{kind}/{}", file.path), code(file.text.parse().unwrap())));
        }
    }
    files
}

/// Tokens as text: literals of strings are all alike, documentation is left out.
fn code(tokens: TokenStream) -> String {
    let mut code = String::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if tokens.next_if(|next| matches!(next, TokenTree::Punct(bang) if bang.as_char() == '!')).is_some() {
                    code.push('!');
                }
                match tokens.next() {
                    Some(TokenTree::Group(group)) if group.stream().to_string().starts_with("doc =") => {}
                    Some(TokenTree::Group(group)) => code.push_str(&format!("#[{}]", self::code(group.stream()))),
                    other => panic!("an attribute without brackets: {other:?}"),
                }
            }
            // rustfmt puts braces around what follows an arrow, and commas, where it breaks a line.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && code.trim_end().ends_with("= >") => {
                code.push_str(&self::code(group.stream()));
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => {}
            TokenTree::Group(group) => {
                code.push_str(&format!("{:?}({})", group.delimiter(), self::code(group.stream())));
            }
            TokenTree::Literal(literal) => {
                let literal = literal.to_string();
                code.push_str(if literal.contains('"') { "\"\" " } else { &literal });
            }
            other => code.push_str(&format!("{other} ")),
        }
    }
    // An inner doc comment leaves its `!` behind.
    code.trim_start_matches('!').split_whitespace().collect()
}
