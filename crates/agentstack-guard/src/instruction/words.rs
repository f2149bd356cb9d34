//! The words that rules are made of, class by class, in some of the languages that people write to models in.
//!
//! English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Russian, Chinese, Japanese and Korean. A word
//! is brought into the same plain view as a text that hides its words, and stands there without its accents.

use super::view;

/// A class of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// To drop something.
    Override,
    /// What came before, or all of it.
    Prior,
    /// What a model goes by.
    Rules,
    /// The rules of a model and nothing else.
    Prompt,
    /// To show.
    Reveal,
    /// Not to.
    Not,
    /// To tell somebody.
    Tell,
    /// Who reads the answer.
    User,
    /// To send away.
    Send,
    /// What is worth sending.
    Data,
    /// Where to.
    Address,
    /// To run something.
    Call,
    /// What a model can run.
    Tool,
    /// To be somebody else.
    Persona,
    /// What that somebody is like.
    Unbound,
    /// To keep to something for good.
    Always,
    /// A mark of a chat template.
    Marker,
    /// A speaker's name with a colon.
    Speaker,
}

impl Word {
    /// Whether more letters may follow.
    pub(crate) fn is_stem(self) -> bool {
        matches!(self, Self::Marker | Self::Address | Self::Speaker)
    }
}

/// Each class with its words, which commas part.
const WORDS: &[(Word, &str)] = &[
    (
        Word::Override,
        "ignore, disregard, forget, override, overrule, bypass, do not follow, don't follow, \
         stop following, pay no attention to, ignoriere, ignorieren, vergiss, vergessen sie, missachte, \
         befolge nicht, ignorez, ignorer, oublie, oubliez, ne tiens pas compte, ne tenez pas compte, \
         ignora, ignorar, ignorad, olvida, olvide, haz caso omiso, no sigas, esqueça, desconsidere, \
         desconsidera, dimentica, non seguire, negeer, vergeet, zignoruj, zapomnij, игнорируй, \
         игнорируйте, проигнорируй, забудь, забудьте, 忽略, 无视, 無視, 忘记, 忘れて, 무시, 잊어",
    ),
    (
        Word::Prior,
        "previous, previously, prior, above, earlier, preceding, foregoing, former, existing, all, any, \
         your, every, everything, vorherigen, vorherige, bisherigen, obigen, vorangegangenen, früheren, \
         alle, deine, ihre, précédentes, précédente, précédents, antérieures, toutes, tes, vos, ci-dessus, \
         anteriores, previas, previos, todas, todos, tus, suas, acima, precedenti, tutte, tutti, tue, \
         vorige, eerdere, poprzednie, wszystkie, powyższe, предыдущие, предыдущих, все, прежние, 之前, 以前, \
         以上, 先前, 上面, 所有, これまで, 前の, 이전, 모든",
    ),
    (
        Word::Rules,
        "instruction, instructions, prompt, prompts, directive, directives, guideline, guidelines, rules, \
         orders, commands, constraints, restrictions, safeguards, programming, context, policies, \
         training, anweisung, anweisungen, instruktionen, regeln, vorgaben, befehle, consignes, règles, \
         directives, instrucciones, reglas, indicaciones, órdenes, instruções, regras, istruzioni, regole, \
         instructies, regels, instrukcje, polecenia, zasady, инструкции, инструкций, указания, правила, \
         指示, 指令, 命令, 提示, 规则, 規則, ルール, 지시, 명령, 규칙",
    ),
    (
        Word::Prompt,
        "system prompt, systemprompt, system-prompt, system_prompt, initial prompt, hidden prompt, \
         original prompt, initial instructions, hidden instructions, original instructions, \
         secret instructions, system instructions, system message, developer message, your instructions, \
         your prompt, prompt système, instructions système, prompt del sistema, instrucciones del sistema, \
         prompt do sistema, prompt di sistema, системный промпт, 系统提示, 系統提示, システムプロンプト, 시스템 프롬프트",
    ),
    (
        Word::Reveal,
        "reveal, show me, print, repeat, output, display, leak, tell me, give me, dump, disclose, recite, \
         expose, what is, what are, summarize, zeige, zeig mir, verrate, gib, wiederhole, montre, révèle, \
         affiche, répète, muestra, revela, repite, mostre, revele, mostra, rivela, покажи, раскрой, 显示, \
         告诉我, 重复, 教えて, 表示, 보여줘, 알려줘",
    ),
    (
        Word::Not,
        "do not, don't, dont, never, without, must not, avoid, nicht, ne pas, no le, nunca, 不要, не",
    ),
    (
        Word::Tell,
        "tell, telling, inform, informing, mention, mentioning, reveal, notify, notifying, alert, \
         alerting, warn, disclose, let, ask, asking, sage, sagen, erwähne, dire, dis, informe, digas, \
         avises, menciones, говори, сообщай, 告诉",
    ),
    (
        Word::User,
        "user, users, human, anyone, anybody, operator, owner, developer, admin, dem benutzer, dem nutzer, \
         l'utilisateur, al usuario, usuario, ao usuário, all'utente, пользователю, 用户, ユーザー, 사용자",
    ),
    (
        Word::Send,
        "send, post, forward, upload, exfiltrate, transmit, email, submit, append, encode, sende, schicke, \
         envoie, envoyez, envía, envia, invia, отправь, 发送, 送信",
    ),
    (
        Word::Data,
        "password, passwords, credentials, api key, api keys, secrets, conversation, chat history, \
         private key, private keys, ssh key, ssh keys, environment variables, .env, tokens, access token, \
         contents, memories, system prompt, all messages, user data, personal data, session token, \
         passwörter, mots de passe, contraseñas, пароли, 密码",
    ),
    (Word::Address, "http://, https://, webhook, to the following, to this address, to this url"),
    (
        Word::Call,
        "call, invoke, execute, run, use, trigger, rufe, führe, appelle, exécute, llama, ejecuta, 执行, 调用",
    ),
    (
        Word::Tool,
        "tool, tools, function, shell, bash, curl, terminal, the following command, this command, \
         following code, this code, memory_store, memory_delete, os.system",
    ),
    (
        Word::Persona,
        "you are now, you must now, from now on, act as, pretend to be, pretend you are, roleplay as, \
         you will act, new persona, du bist jetzt, ab jetzt, \
         tu es maintenant, à partir de maintenant, ahora eres, a partir de ahora, a partir de agora, \
         d'ora in poi, ты теперь, 你现在是, 从现在开始",
    ),
    (
        Word::Unbound,
        "dan, do anything now, developer mode, god mode, jailbreak, jailbroken, unrestricted, \
         unfiltered, uncensored, no restrictions, without restrictions, without limits, no rules, \
         no limits, admin mode, root mode, sudo mode",
    ),
    (
        Word::Always,
        "new instructions, new instruction, new task, updated instructions, in all future, \
         in every future, in future conversations, in future sessions, for all future, \
         remember that you must, you must always, you must obey, your new, your real task, your only task, \
         important instructions, hidden command, system override, admin override, neue anweisungen, \
         nouvelles instructions, nuevas instrucciones, novas instruções, nuove istruzioni, \
         новые инструкции, 新的指令, 新指令",
    ),
    (
        Word::Marker,
        "<|im_start|>, <|im_end|>, <|im_sep|>, <|system|>, <|user|>, <|assistant|>, <|endoftext|>, \
         <|start_header_id|>, <|end_header_id|>, <|eot_id|>, <|begin_of_text|>, <|start|>, <|message|>, \
         <|channel|>, [inst], [/inst], <<sys>>, <</sys>>, <start_of_turn>, <end_of_turn>, <system>, \
         </system>, <|begin_of_sentence|>, ### instruction:, ### system:, ### response:, [system], \
         [/system], <system-reminder>, </system-reminder>, <function_calls>, <tool_call>, <tool_result>",
    ),
    (Word::Speaker, "system:, assistant:, developer:"),
];

/// Every word with its class, as the pass over the text looks for it.
pub(crate) fn literals() -> impl Iterator<Item = (String, Word)> {
    let all = WORDS.iter().flat_map(|(word, literals)| {
        literals.split(',').map(move |literal| (view::plain(literal.trim()), *word))
    });
    let mut seen = std::collections::HashSet::new();
    all.filter(move |(literal, word)| seen.insert((literal.clone(), format!("{word:?}"))))
}
