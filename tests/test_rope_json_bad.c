// SPDX-License-Identifier: MIT
// Texts that are no config.json of a model with RoPE: refused by the name of the key, and never
// more than that.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rope_reading.h"

enum { N_MUTANTS = 4000 };

#define HEAD_JSON "'head_dim': 128"
#define SCALED(object)                                                                             \
    "{" HEAD_JSON ", 'max_position_embeddings': 4096, 'rope_scaling': " object "}"

static const struct {
    const char *text, *says;
} refusals[] = {
    {"", "no JSON"},
    {"{" HEAD_JSON, "no JSON"},
    {"{" HEAD_JSON "} more", "no JSON"},
    {"{" HEAD_JSON ", 'rope_theta': NaN}", "no JSON"},
    {"[]", "no JSON object"},
    {"128", "no JSON object"},
    {"{}", "head_dim"},
    {"{'hidden_size': 4096}", "head_dim"},
    {"{'hidden_size': 4, 'num_attention_heads': 8}", "head_dim"},
    {"{'head_dim': 128.5}", "head_dim"},
    {"{'head_dim': -128}", "head_dim"},
    {"{'head_dim': '128'}", "head_dim"},
    {"{'head_dim': 1e300}", "head_dim"},
    {"{'head_dim': 4294967424}", "head_dim"},
    {"{'head_dim': 4194304}", "head_dim"},
    {"{" HEAD_JSON ", 'rotary_dim': 63}", "rotary_dim"},
    {"{" HEAD_JSON ", 'rotary_dim': 256}", "rotary_dim"},
    {"{" HEAD_JSON ", 'partial_rotary_factor': 0}", "partial_rotary_factor"},
    {"{" HEAD_JSON ", 'rotary_pct': 1.5}", "partial_rotary_factor"},
    {"{" HEAD_JSON ", 'rope_theta': 0}", "rope_theta"},
    {"{" HEAD_JSON ", 'rope_theta': -1}", "rope_theta"},
    {"{" HEAD_JSON ", 'rope_theta': 1e999}", "rope_theta"},
    {"{" HEAD_JSON ", 'rope_theta': [10000]}", "rope_theta"},
    {"{" HEAD_JSON ", 'rope_theta': 1e308, 'rope_ratio': 1e308}", "theta"},
    {"{" HEAD_JSON ", 'rope_interleave': 1}", "rope_interleave"},
    {"{" HEAD_JSON ", 'max_position_embeddings': 0.5}", "max_position_embeddings"},
    {SCALED("'linear'"), "rope_scaling"},
    {SCALED("[]"), "rope_scaling"},
    {"{" HEAD_JSON ", 'rope_parameters': 3}", "rope_parameters"},
    {SCALED("{'type': 3}"), "type"},
    {SCALED("{'type': 'linear'}"), "factor"},
    {SCALED("{'type': 'linear', 'factor': null}"), "factor"},
    {SCALED("{'type': 'linear', 'factor': 0}"), "factor"},
    {SCALED("{'type': 'ntk'}"), "factor"},
    {SCALED("{'type': 'dynamic'}"), "factor"},
    {SCALED("{'type': 'dynamic', 'alpha': -1}"), "alpha"},
    {SCALED("{'type': 'yarn'}"), "factor"},
    {SCALED("{'type': 'llama3'}"), "factor"},
    {SCALED("{'type': 'yarn', 'factor': 4, 'truncate': 0}"), "truncate"},
    {SCALED("{'type': 'yarn', 'factor': 4, 'beta_fast': 1, 'beta_slow': 2}"), "beta_fast"},
    {SCALED("{'type': 'yarn', 'factor': 4, 'attention_factor': 0}"), "attention_factor"},
    {SCALED("{'type': 'yarn', 'factor': 4, 'mscale': -1}"), "mscale"},
    {"{" HEAD_JSON ", 'rope_scaling': {'type': 'yarn', 'factor': 4}}", "len"},
    {SCALED("{'type': 'longrope', 'long_factor': [1]}"), "short_factor"},
    {SCALED("{'type': 'longrope', 'short_factor': [1]}"), "long_factor"},
    {SCALED("{'type': 'longrope', 'short_factor': [1], 'long_factor': [1]}"), "short_factor"},
    {SCALED("{'type': 'longrope', 'short_factor': ['1'], 'long_factor': [1]}"), "short_factor"},
    {SCALED("{'type': 'longrope', 'short_factor': [1], 'long_factor': 'all'}"), "long_factor"},
    {SCALED("{'type': 'longrope', 'short_factor': [1e999]}"), "short_factor"},
    {SCALED("{'mrope_section': 64}"), "mrope_section"},
    {SCALED("{'mrope_section': [16, 24, 25]}"), "sections"},
    {SCALED("{'mrope_section': [16, 24, 23.5]}"), "mrope_section"},
    {SCALED("{'mrope_section': [16, 24, null]}"), "mrope_section"},
    {SCALED("{'mrope_section': [16, 16, 16, 8, 8]}"), "mrope_section"},
    {SCALED("{'mrope_section': [4294967295, 4294967295]}"), "sections"},
    {SCALED("{'sliding_attention': {}}"), "full_attention"},
    {SCALED("{'full_attention': [1], 'sliding_attention': {}}"), "full_attention"},
    {SCALED("{'full_attention': null, 'sliding_attention': {}}"), "full_attention"},
};

static void check_refusal(const char *text, const char *layer_type, enum gyre_status want,
                          const char *says)
{
    struct reading reading;
    read_text(text, layer_type, 0, &reading);
    cr_assert(reading.status == want && reading.config == NULL, "%s\ngave %s, not %s: %s", text,
              gyre_status_name(reading.status), gyre_status_name(want), reading.said);
    cr_assert(strstr(reading.said, says) != NULL, "%s\nsays '%s', not '%s'", text, reading.said,
              says);
}

Test(rope_json_bad, values)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        check_refusal(refusals[i].text, NULL, GYRE_INVALID, refusals[i].says);
}

Test(rope_json_bad, unknown_type)
{
    check_refusal(SCALED("{'type': 'xdrope'}"), NULL, GYRE_UNSUPPORTED, "xdrope");
    check_refusal(SCALED("{'type': 'x\\u001b[2Jy'}"), NULL, GYRE_UNSUPPORTED, "x??2Jy");
}

Test(rope_json_bad, layer_types)
{
    check_refusal(SCALED("{'full_attention': {}}"), "sliding_attention", GYRE_INVALID, "sliding");
    check_refusal("{" HEAD_JSON "}", "fulll_attention", GYRE_INVALID, "fulll_attention");
    check_refusal("{" HEAD_JSON ", 'layer_types': ['a', 3]}", "b", GYRE_INVALID, "type b");
}

Test(rope_json_bad, arguments)
{
    struct gyre_rope_json_params params = {.size = 2};
    struct gyre_rope_config *config = NULL;
    cr_assert(gyre_rope_config_from_json(NULL, &config, NULL, 0) == GYRE_INVALID);
    cr_assert(gyre_rope_config_from_json(&params, &config, NULL, 0) == GYRE_INVALID);
    params.text = "{}";
    cr_assert(gyre_rope_config_from_json(&params, NULL, NULL, 0) == GYRE_INVALID);
    gyre_rope_config_destroy(&config);
    gyre_rope_config_destroy(NULL);
}

Test(rope_json_bad, deep_nesting)
{
    enum { DEPTH = 1000000 };
    char *text = malloc(DEPTH);
    struct reading reading;
    memset(text, '[', DEPTH);
    read_bytes(text, DEPTH, NULL, 0, &reading);
    cr_assert(reading.status == GYRE_INVALID);
    for (size_t i = 0; i + 15 <= DEPTH; i += 15)
        memcpy(text + i, "{\"text_config\":", 15);
    read_bytes(text, DEPTH, NULL, 0, &reading);
    cr_assert(reading.status == GYRE_INVALID);
    free(text);
}

// --- mutated texts

static const char whole_text[] =
    "{\"model_type\": \"phi3\", \"hidden_size\": 32, \"num_attention_heads\": 8, \"head_dim\": 4,"
    "\"rope_theta\": 10000.0, \"max_position_embeddings\": 131072, \"rotary_dim\": 4,"
    "\"original_max_position_embeddings\": 4096, \"partial_rotary_factor\": 1.0,"
    "\"layer_types\": [\"full_attention\"], \"rope_interleave\": false, \"rope_ratio\": 1,"
    "\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1.0, 1.1], \"long_factor\":"
    "[2.0, 64.5], \"factor\": 8.0, \"beta_fast\": 32, \"beta_slow\": 1, \"mscale\": 0.707,"
    "\"attention_factor\": 1.19, \"low_freq_factor\": 1, \"truncate\": true, \"alpha\": 3,"
    "\"mrope_section\": [1, 1, 0], \"mrope_interleaved\": false}, \"text_config\": null}";

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

// Changes one place of the text, which has room for `room` bytes.
static size_t mutate(char *text, size_t size, size_t room, uint32_t *state)
{
    static const char *const words[] = {
        "null",  "true", "-1",        "0",          "1e999", "[",          "]",
        "{",     "}",    "\"",        ",",          ":",     "4294967295", "yarn",
        "[[]]",  "{}",   "\"dynamic", "e-",         "\\u",   "\"llama3\"", "\xff\xfe",
        "mrope", "0.5",  "1e-320",    "\"linear\"", "-0",    " ",          "9007199254740993"};
    const char *word = words[next_random(state) % (sizeof(words) / sizeof(*words))];
    size_t at = next_random(state) % (size + 1), n_word = strlen(word);
    size_t n_cut = next_random(state) % 12;
    n_cut = n_cut < size - at ? n_cut : size - at;
    switch (next_random(state) % 8) {
    case 0:
        return at; // the rest is gone
    case 1:
        if (at < size)
            text[at] = (char)next_random(state);
        return size;
    case 2:
        memmove(text + at, text + at + n_cut, size - at - n_cut);
        return size - n_cut;
    default: // a word instead of what is there
        if (size - n_cut + n_word > room)
            return size;
        memmove(text + at + n_word, text + at + n_cut, size - at - n_cut);
        memcpy(text + at, word, n_word);
        return size - n_cut + n_word;
    }
}

Test(rope_json_bad, mutants)
{
    uint32_t state = 2463534242;
    char text[2 * sizeof(whole_text)];
    unsigned n_by_status[GYRE_UNSUPPORTED + 1] = {0};
    for (int i = 0; i < N_MUTANTS; i++) {
        struct reading reading;
        size_t size = strlen(whole_text);
        memcpy(text, whole_text, size);
        for (uint32_t n = 1 + next_random(&state) % 3; n > 0; n--)
            size = mutate(text, size, sizeof(text), &state);
        read_bytes(text, size, NULL, next_random(&state), &reading);
        cr_assert((reading.status == GYRE_OK) == (reading.config != NULL));
        cr_assert(reading.status <= GYRE_UNSUPPORTED, "%s: %.*s", reading.said, (int)size, text);
        cr_assert(reading.status == GYRE_OK || reading.said[0] != '\0', "%.*s", (int)size, text);
        n_by_status[reading.status]++;
        gyre_rope_config_destroy(&reading.config);
    }
    printf("  %u read, %u refused, %u unsupported\n", n_by_status[GYRE_OK],
           n_by_status[GYRE_INVALID], n_by_status[GYRE_UNSUPPORTED]);
    cr_assert(n_by_status[GYRE_OK] > 100 && n_by_status[GYRE_INVALID] > 1000);
}
