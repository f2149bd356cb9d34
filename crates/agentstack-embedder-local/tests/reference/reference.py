"""The numbers that the tests expect, computed by others: the pieces by Hugging Face's `tokenizers`, the static vectors by
`model2vec`, and BERT by numpy in 64 bits, written from the paper and the model card rather than from our code.

    pip install numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3 model2vec==0.10.0
    python reference.py tiny              # what tests/it/bert.rs, tests/it/fixed.rs and src/tokenizer/tests.rs have
    python reference.py FOLDER            # what examples/real_model.rs has
"""

import json
import math
import pathlib
import sys
import tempfile

import numpy
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

# The same as in tests/it/world.rs.
VOCABULARY = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] hello world , ! cafe un ##aff ##able 日 本 the fox jump ##s ##ed over a ##a b ##b c "
    "##c d ##d café Hello i ##i . [ ] sep ##2 ё е 🙂 strasse straße — ß ÉCOLE école ecole"
).split()
TEXTS = [
    "Hello, world!",
    "",
    "Café 日本 unaffable — zzz unaffablez",
    "the fox jumps over the fox jumped over a b c d",
    "[SEP] ÉCOLE\u0000 STRASSE straße\ufffd ё🙂\u200bİ",
    "\u202e a\u0301a\u00adb\tc\u2028d\u3000" + "a" * 100 + " " + "a" * 101 + " b",
]
WIDTH, HEADS, LAYERS, WIDE, POSITIONS, LONGEST = 8, 2, 2, 12, 16, 12

REAL = [
    "This is an example sentence",
    "Each sentence is converted",
    "",
    "Ça va, garçon? Straße, naïve café — “quoted”…",
    "日本語のテキスト and 中文字符, 한국어도",
    "\u0000\u0007tab\tnew\nline\u200b zero\u00adwidth \ufffd \U000e0041 🙂👩‍👩‍👧 ﷽ ＡＢＣ",
    "supercalifragilisticexpialidocious " * 3 + "x" * 101,
    " ".join(f"word{number}" for number in range(400)),
]


def weight(name, count):
    seed = 0
    for byte in name.encode():
        seed = (seed * 31 + byte) % 2**32
    out = []
    for index in range(count):
        x = (seed + index * 2654435761) % 2**32
        x ^= x >> 15
        x = x * 2246822519 % 2**32
        x ^= x >> 13
        out.append((x % 2001 - 1000) / 2000)
    return numpy.array(out, dtype=numpy.float32)


def tiny_bert():
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        for name, out, inside in [
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", WIDE, WIDTH),
            ("output.dense", WIDTH, WIDE),
        ]:
            shapes[f"encoder.layer.{layer}.{name}.weight"] = (out, inside)
            shapes[f"encoder.layer.{layer}.{name}.bias"] = (out,)
        for name in ["attention.output.LayerNorm", "output.LayerNorm"]:
            shapes[f"encoder.layer.{layer}.{name}.weight"] = (WIDTH,)
            shapes[f"encoder.layer.{layer}.{name}.bias"] = (WIDTH,)
    tensors = {name: weight(name, math.prod(shape)).reshape(shape) for name, shape in shapes.items()}
    config = {"num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "layer_norm_eps": 1e-12}
    return config, tensors


def tiny_tokenizer(signs=True, **rules):
    vocabulary = {piece: number for number, piece in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(**rules)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if signs:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def bert(config, tensors, ids):
    t = {name: tensor.astype(numpy.float64) for name, tensor in tensors.items() if tensor.dtype.kind == "f"}
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / numpy.sqrt((centred**2).mean(-1, keepdims=True) + eps)
        return scaled * t[f"{name}.weight"] + t[f"{name}.bias"]

    def linear(x, name):
        return numpy.einsum("ti,oi->to", x, t[f"{name}.weight"]) + t[f"{name}.bias"]

    x = t["embeddings.word_embeddings.weight"][ids]
    x = x + t["embeddings.token_type_embeddings.weight"][[0] * len(ids)]
    x = x + t["embeddings.position_embeddings.weight"][list(range(len(ids)))]
    x = norm(x, "embeddings.LayerNorm")
    for number in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{number}."
        split = lambda y: y.reshape(len(ids), heads, -1).transpose(1, 0, 2)
        q, k, v = (split(linear(x, f"{at}attention.self.{part}")) for part in ["query", "key", "value"])
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        shares = numpy.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        context = (shares @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(linear(context, f"{at}attention.output.dense") + x, f"{at}attention.output.LayerNorm")
        wide = linear(x, f"{at}intermediate.dense")
        wide = wide * 0.5 * (1 + numpy.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(linear(wide, f"{at}output.dense") + x, f"{at}output.LayerNorm")
    return x


def unit(vector):
    return vector / max(numpy.linalg.norm(vector), 1e-12)


def show(name, vectors, digits=6):
    print(f"{name}:")
    for vector in vectors:
        print("    [" + ", ".join(f"{number:.{digits}f}" for number in vector) + "],")


def tiny():
    for name, rules in [("uncased", {}), ("cased", {"lowercase": False}), ("kept", {"strip_accents": False}),
                        ("raw", {"clean_text": False, "handle_chinese_chars": False})]:
        tokenizer = tiny_tokenizer(**rules)
        print(name)
        for text in TEXTS:
            print("   ", tokenizer.encode(text).ids)
    config, tensors = tiny_bert()
    tokenizer = tiny_tokenizer()
    tokenizer.enable_truncation(LONGEST)
    rows = [bert(config, tensors, tokenizer.encode(text).ids) for text in TEXTS[:4]]
    show("mean, of length one", [unit(row.mean(0)) for row in rows])
    show("first", [row[0] for row in rows])
    from model2vec import StaticModel
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        embeddings = weight("embeddings", len(VOCABULARY) * 6).reshape(-1, 6)
        save_file({"embeddings": embeddings}, folder / "model.safetensors")
        tiny_tokenizer(signs=False).save(str(folder / "tokenizer.json"))
        for normalize in [True, False]:
            text = json.dumps({"model_type": "model2vec", "normalize": normalize, "hidden_dim": 6})
            (folder / "config.json").write_text(text)
            model = StaticModel.from_pretrained(folder)
            long = ["a " * 511 + "fox world", "a " * 512 + "fox world", "a   " * 400 + "fox"]
            show(f"static, normalize {normalize}, median {model.median_token_length}", model.encode(TEXTS[:4] + long))


def real(folder):
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    for text in REAL:
        ids = tokenizer.encode(text).ids
        vector = unit(bert(config, tensors, ids).mean(0))
        # Eight of the numbers, and two sums that any of them would change.
        sums = [vector.sum(), (vector * numpy.sin(numpy.arange(len(vector)))).sum()]
        print(f"{len(ids):4}", ", ".join(f"{x:.6f}" for x in [*vector[::48], *sums]), text[:30].encode())


tiny() if sys.argv[1] == "tiny" else real(sys.argv[1])
