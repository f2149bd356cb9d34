//! The kinds of finding, each with the word that policies and answers use.

use std::fmt;

/// What a kind belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Something that opens a door: a key, a token, a password.
    Secret,
    /// Something that tells who a person is or how to reach them.
    Pii,
    /// Characters that a reader does not see, or that change the order of what is seen.
    Unicode,
    /// A sentence that is aimed at a model and not at a reader.
    Instruction,
    /// A link that carries data to whoever owns its address, or that runs as a program.
    Exfiltration,
}

impl Class {
    /// Every class.
    pub const ALL: &[Self] = &[Self::Secret, Self::Pii, Self::Unicode, Self::Instruction, Self::Exfiltration];

    /// The word for it in policies.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Pii => "pii",
            Self::Unicode => "unicode",
            Self::Instruction => "instruction",
            Self::Exfiltration => "exfiltration",
        }
    }
}

macro_rules! kinds {
    ($($class:ident: $($name:ident $word:literal $doc:literal,)*;)*) => {
        /// What a finding looks like. Its word ([`Kind::word`]) never changes once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[doc = $doc] $name,)*)*
        }

        impl Kind {
            /// Every kind, by class.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The word for it in policies, answers and redacted text: lower case, words joined by `-`.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $($(Self::$name => $word,)*)*
                }
            }

            /// What it belongs to.
            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $($(Self::$name => Class::$class,)*)*
                }
            }
        }
    };
}

kinds! {
    Secret:
    SecretAgentstackToken "secret-agentstack-token" "Our own: an API token (with its checksum) or a resume token.",
    SecretAgeKey "secret-age-key" "An age identity.",
    SecretAnthropicKey "secret-anthropic-key" "A key of Anthropic's API.",
    SecretAwsAccessKey "secret-aws-access-key" "The id of an AWS access key, or a key of Bedrock.",
    SecretAwsSecretKey "secret-aws-secret-key" "The secret half of an AWS access key.",
    SecretAzureClient "secret-azure-client" "A client secret of Microsoft Entra ID.",
    SecretAzureStorageKey "secret-azure-storage-key" "The account key of an Azure storage connection string.",
    SecretDatabricksToken "secret-databricks-token" "A token of Databricks.",
    SecretDatadogKey "secret-datadog-key" "A key that stands beside Datadog's name.",
    SecretDigitaloceanToken "secret-digitalocean-token" "A token of `DigitalOcean`.",
    SecretDiscordToken "secret-discord-token" "A token that stands beside Discord's name.",
    SecretDopplerToken "secret-doppler-token" "A token of Doppler.",
    SecretGcpServiceAccount "secret-gcp-service-account" "The key id in the file of a Google service account; the key itself is a private key.",
    SecretGithubToken "secret-github-token" "A token of GitHub; the shorter ones have a checksum.",
    SecretGitlabToken "secret-gitlab-token" "A token of GitLab.",
    SecretGoogleKey "secret-google-key" "A key of Google's APIs.",
    SecretHerokuKey "secret-heroku-key" "A key of Heroku.",
    SecretHuggingfaceToken "secret-huggingface-token" "A token of Hugging Face.",
    SecretJwt "secret-jwt" "A JSON Web Token.",
    SecretLinearKey "secret-linear-key" "A key of Linear.",
    SecretMailgunKey "secret-mailgun-key" "A key of Mailgun.",
    SecretNotionToken "secret-notion-token" "A token of Notion.",
    SecretNpmToken "secret-npm-token" "A token of npm, which has a checksum.",
    SecretOpenaiKey "secret-openai-key" "A key of `OpenAI`'s API.",
    SecretPostmanKey "secret-postman-key" "A key of Postman.",
    SecretPrivateKey "secret-private-key" "A private key in PEM form.",
    SecretPypiToken "secret-pypi-token" "An upload token of `PyPI`.",
    SecretSendgridKey "secret-sendgrid-key" "A key of `SendGrid`.",
    SecretSentryToken "secret-sentry-token" "A token of Sentry.",
    SecretShopifyToken "secret-shopify-token" "A token or shared secret of Shopify.",
    SecretSlackToken "secret-slack-token" "A token or webhook of Slack.",
    SecretSquareToken "secret-square-token" "A token of Square.",
    SecretStripeKey "secret-stripe-key" "A secret or restricted key of Stripe.",
    SecretTelegramToken "secret-telegram-token" "The token of a Telegram bot.",
    SecretTerraformToken "secret-terraform-token" "A token of HCP Terraform.",
    SecretTwilioKey "secret-twilio-key" "A key of Twilio.",
    SecretVaultToken "secret-vault-token" "A token of `HashiCorp` Vault.",
    SecretProviderKey "secret-provider-key" "A key of one of the many other providers whose form is known.",
    SecretUrlPassword "secret-url-password" "The password in a URL.",
    SecretPassword "secret-password" "A value that is assigned to something called a password.",
    SecretGeneric "secret-generic" "A random-looking value that is assigned to something called key, token or secret.",
    ;
    Pii:
    PiiEmail "pii-email" "An e-mail address.",
    PiiPhone "pii-phone" "A telephone number.",
    PiiIban "pii-iban" "An international bank account number; its check digits hold.",
    PiiCard "pii-card" "A payment card number: a known prefix, and the Luhn digit holds.",
    PiiIp "pii-ip" "A public IPv4 or IPv6 address.",
    PiiSsn "pii-ssn" "A US social security number.",
    PiiNino "pii-nino" "A UK national insurance number.",
    PiiSteuerId "pii-steuer-id" "A German tax id; its check digit holds.",
    PiiNir "pii-nir" "A French NIR; its key holds.",
    PiiDni "pii-dni" "A Spanish DNI or NIE; its letter holds.",
    PiiCodiceFiscale "pii-codice-fiscale" "An Italian codice fiscale; its letter holds.",
    PiiCpf "pii-cpf" "A Brazilian CPF; its check digits hold.",
    PiiAadhaar "pii-aadhaar" "An Indian Aadhaar number; its check digit holds.",
    PiiSin "pii-sin" "A Canadian social insurance number; its Luhn digit holds.",
    PiiTfn "pii-tfn" "An Australian tax file number; its weighted sum holds.",
    ;
    Unicode:
    UnicodeTag "unicode-tag" "Characters of the tag block, which spell text that nobody sees.",
    UnicodeBidi "unicode-bidi" "Characters that change the direction of what follows.",
    UnicodeHidden "unicode-hidden" "Other characters without a shape of their own.",
    UnicodeControl "unicode-control" "Control characters that are neither tab nor line end.",
    ;
    Instruction:
    Instruction "instruction" "Text that tells a model what to do, to hide or to reveal.",
    RoleMarker "role-marker" "The marks with which chat templates change who is speaking.",
    ;
    Exfiltration:
    ExfiltrationImage "exfiltration-image" "An image whose address carries data.",
    ExfiltrationLink "exfiltration-link" "A link whose address carries data.",
    ScriptUrl "script-url" "A URL that is a program: `javascript:`, or `data:` with a page in it.",
    ;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
