// SPDX-License-Identifier: MIT
// Reading config.json: what every spelling comes to, and published models.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/rope_config.h>

#include "data/folder.h"
#include "data/json_file.h"
#include "data/rope_file.h"
#include "on_devices.h"
#include "rope_reading.h"

#define SAME(field)                                                                                \
    cr_assert(got->field == want->field, "%s\n" #field " is %g, not %g", text, (double)got->field, \
              (double)want->field)
static void assert_same(const char *text, const struct gyre_rope_config *got,
                        const struct gyre_rope_config *want)
{
    SAME(head_dim);
    SAME(rotary_dim);
    SAME(rotary_offset);
    SAME(partial_rotary_factor);
    SAME(pairing);
    SAME(kind);
    SAME(theta);
    SAME(factor);
    SAME(original_len);
    SAME(max_len);
    SAME(seq_len);
    SAME(beta_fast);
    SAME(beta_slow);
    SAME(is_untruncated);
    SAME(mscale);
    SAME(mscale_all_dim);
    SAME(low_freq_factor);
    SAME(high_freq_factor);
    SAME(n_short_factor);
    SAME(n_long_factor);
    SAME(attention_factor);
    SAME(axes);
    for (int i = 0; i < GYRE_ROPE_MAX_AXES; i++)
        SAME(sections[i]);
    cr_assert(got->inv_freq == NULL && got->freq_factors == NULL && got->pair_axes == NULL);
}

struct spelling {
    const char *text, *layer_type;
    uint64_t seq_len;
    struct gyre_rope_config want;
};

static void check_spellings(const struct spelling *spellings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct spelling *spelling = &spellings[i];
        struct reading reading;
        read_well(spelling->text, spelling->layer_type, spelling->seq_len, &reading);
        assert_same(spelling->text, reading.config, &spelling->want);
        cr_assert_str_empty(reading.unknown, "%s\nunknown: %s", spelling->text, reading.unknown);
        gyre_rope_config_destroy(&reading.config);
        cr_assert(reading.config == NULL);
    }
}
#define CHECK_SPELLINGS(...)                                                                       \
    do {                                                                                           \
        static const struct spelling spellings[] = {__VA_ARGS__};                                  \
        check_spellings(spellings, sizeof(spellings) / sizeof(*spellings));                        \
    } while (0)
#define READS(json, ...)                                                                           \
    {                                                                                              \
        .text = json, .want = { __VA_ARGS__ }                                                      \
    }
#define READS_LAYER(layer, json, ...)                                                              \
    {                                                                                              \
        .text = json, .layer_type = layer, .want = { __VA_ARGS__ }                                 \
    }
#define HEAD      .head_dim = 128, .theta = 10000
#define HEAD_JSON "'head_dim': 128"

// --- keys

Test(rope_json, what_rotates)
{
    CHECK_SPELLINGS(
        READS("{" HEAD_JSON "}", HEAD),
        READS(" {" HEAD_JSON ", 'rope_theta': null, 'rope_scaling': null, 'rotary_dim': null}\n",
              HEAD),
        READS("{'hidden_size': 3584, 'num_attention_heads': 28}", HEAD),
        READS("{'n_embd': 4096, 'n_head': 32, 'head_dim': null}", HEAD),
        READS("{'hidden_size': 2048, 'num_attention_heads': 32, 'head_dim': 128}", HEAD),
        READS("{'kv_channels': 128, 'hidden_size': 4096, 'num_attention_heads': 64}", HEAD),
        READS("{'model_type': 'llama', 'max_position_embeddings': 4096}", HEAD, .max_len = 4096),
        READS("{'model_type': 'llama', 'hidden_size': 5120, 'num_attention_heads': 40}", HEAD),
        READS("{'qk_rope_head_dim': 64, 'head_dim': 192, 'partial_rotary_factor': 0.3333}",
              .head_dim = 64, .theta = 10000),
        READS("{" HEAD_JSON ", 'partial_rotary_factor': 0.5}", HEAD, .partial_rotary_factor = 0.5),
        READS("{" HEAD_JSON ", 'rope_parameters': {'partial_rotary_factor': 0.5}}", HEAD,
              .partial_rotary_factor = 0.5),
        READS("{" HEAD_JSON ", 'partial_rotary_factor': 0.5, "
              "'rope_parameters': {'partial_rotary_factor': 0.25}}",
              HEAD, .partial_rotary_factor = 0.5),
        READS("{" HEAD_JSON ", 'rotary_pct': 0.25}", HEAD, .partial_rotary_factor = 0.25),
        READS("{" HEAD_JSON ", 'rotary_emb_fraction': 1.0}", HEAD, .partial_rotary_factor = 1),
        READS("{" HEAD_JSON ", 'rotary_dim': 64}", HEAD, .rotary_dim = 64),
        READS("{'model_type': 'chatglm', 'kv_channels': 128, 'original_rope': true}", HEAD,
              .partial_rotary_factor = 0.5, .pairing = GYRE_ROPE_INTERLEAVED));
}

Test(rope_json, pairing)
{
    static const char *const interleaved[] = {
        "chatglm",  "codegen",      "cohere",      "cohere2", "deepseek_v2", "deepseek_v3",
        "ernie4_5", "ernie4_5_moe", "glm",         "glm4",    "glm4v_text",  "gptj",
        "helium",   "kimi_k2",      "llama4_text", "roformer"};
    static const char *const half[] = {"llama", "gpt_neox", "qwen2", "glm4_moe", "phi3"};
    char text[256];
    struct reading reading;
    for (size_t i = 0; i < sizeof(interleaved) / sizeof(*interleaved); i++) {
        snprintf(text, sizeof(text), "{" HEAD_JSON ", 'model_type': '%s'}", interleaved[i]);
        read_well(text, NULL, 0, &reading);
        cr_assert(reading.config->pairing == GYRE_ROPE_INTERLEAVED, "%s", text);
        gyre_rope_config_destroy(&reading.config);
    }
    for (size_t i = 0; i < sizeof(half) / sizeof(*half); i++) {
        snprintf(text, sizeof(text), "{" HEAD_JSON ", 'model_type': '%s'}", half[i]);
        read_well(text, NULL, 0, &reading);
        cr_assert(reading.config->pairing == GYRE_ROPE_HALF, "%s", text);
        gyre_rope_config_destroy(&reading.config);
    }
    CHECK_SPELLINGS(
        READS("{" HEAD_JSON ", 'rope_interleave': true}", HEAD, .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{" HEAD_JSON ", 'rope_interleaved': true}", HEAD, .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{" HEAD_JSON ", 'rotary_emb_interleaved': true}", HEAD,
              .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{" HEAD_JSON ", 'model_type': 'deepseek_v3', 'rope_interleave': false}", HEAD));
}

#define READS_TYPE(type, ...)                                                                      \
    READS("{'hidden_size': 4096, 'num_attention_heads': 64, 'model_type': '" type "'}", __VA_ARGS__)

Test(rope_json, class_defaults)
{
    CHECK_SPELLINGS(
        READS_TYPE("other", .head_dim = 64, .theta = 10000),
        READS_TYPE("glm", HEAD, .partial_rotary_factor = 0.5, .pairing = GYRE_ROPE_INTERLEAVED),
        READS_TYPE("glm4", HEAD, .partial_rotary_factor = 0.5, .pairing = GYRE_ROPE_INTERLEAVED),
        READS_TYPE("glm4_moe", .head_dim = 64, .theta = 10000, .partial_rotary_factor = 0.5),
        READS_TYPE("gpt_neox", .head_dim = 64, .theta = 10000, .partial_rotary_factor = 0.25),
        READS_TYPE("nemotron", .head_dim = 64, .theta = 10000, .partial_rotary_factor = 0.5),
        READS_TYPE("persimmon", .head_dim = 64, .theta = 25000, .partial_rotary_factor = 0.5),
        READS_TYPE("phi", .head_dim = 64, .theta = 10000, .partial_rotary_factor = 0.5),
        READS_TYPE("qwen3_next", .head_dim = 256, .theta = 10000, .partial_rotary_factor = 0.25),
        READS_TYPE("stablelm", .head_dim = 64, .theta = 10000, .partial_rotary_factor = 0.25),
        READS("{'model_type': 'gptj', 'n_embd': 4096, 'n_head': 16}", .head_dim = 256,
              .theta = 10000, .rotary_dim = 64, .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{'model_type': 'codegen', 'n_embd': 4096, 'n_head': 16}", .head_dim = 256,
              .theta = 10000, .rotary_dim = 64, .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{'model_type': 'gptj', 'n_embd': 64, 'n_head': 2, 'rotary_dim': 16}", .head_dim = 32,
              .theta = 10000, .rotary_dim = 16, .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{'model_type': 'phi', " HEAD_JSON ", 'partial_rotary_factor': 0.75}", HEAD,
              .partial_rotary_factor = 0.75),
        READS("{'model_type': 'gpt_neox', " HEAD_JSON ", 'rotary_pct': 1.0}", HEAD,
              .partial_rotary_factor = 1));
}

Test(rope_json, bases_and_lengths)
{
    CHECK_SPELLINGS(
        READS("{" HEAD_JSON ", 'rope_theta': 500000.0}", .head_dim = 128, .theta = 500000),
        READS("{" HEAD_JSON ", 'rotary_emb_base': 25000}", .head_dim = 128, .theta = 25000),
        READS("{" HEAD_JSON ", 'rope_ratio': 500}", .head_dim = 128, .theta = 5e6),
        READS("{" HEAD_JSON ", 'rope_ratio': 2, 'rope_theta': 1e6}", .head_dim = 128, .theta = 2e6),
        READS("{" HEAD_JSON ", 'rope_theta': 1e6, 'rope_parameters': {'rope_theta': 3e6}}",
              .head_dim = 128, .theta = 3e6),
        READS("{" HEAD_JSON ", 'max_position_embeddings': 4096}", HEAD, .max_len = 4096),
        READS("{" HEAD_JSON ", 'n_positions': 2048}", HEAD, .max_len = 2048),
        READS("{" HEAD_JSON ", 'seq_length': 131072}", HEAD, .max_len = 131072),
        READS("{" HEAD_JSON ", 'max_sequence_length': 2048.0}", HEAD, .max_len = 2048),
        READS("{" HEAD_JSON ", 'original_max_position_embeddings': 4096}", HEAD,
              .original_len = 4096),
        READS("{" HEAD_JSON ", 'rope_scaling': {'original_max_position_embeddings': 8192}}", HEAD,
              .original_len = 8192));
}

Test(rope_json, kinds)
{
    CHECK_SPELLINGS(
        READS("{" HEAD_JSON ", 'rope_scaling': {'type': 'default'}}", HEAD),
        READS("{" HEAD_JSON ", 'rope_parameters': {'rope_type': 'default', 'rope_theta': 1e4}}",
              HEAD),
        READS("{" HEAD_JSON ", 'rope_scaling': {'type': 'linear', 'factor': 10}}", HEAD,
              .kind = GYRE_ROPE_LINEAR, .factor = 10),
        READS("{" HEAD_JSON ", 'rope_scaling': {'type': 'x', 'rope_type': 'ntk', 'factor': 4}}",
              HEAD, .kind = GYRE_ROPE_NTK, .factor = 4),
        READS("{" HEAD_JSON ", 'max_position_embeddings': 2048, "
              "'rope_scaling': {'type': 'dynamic', 'factor': 10}}",
              HEAD, .kind = GYRE_ROPE_DYNAMIC, .factor = 10, .max_len = 2048),
        READS("{" HEAD_JSON ", 'rope_scaling': {'type': 'dynamic', 'alpha': 1000, 'factor': 1}}",
              HEAD, .kind = GYRE_ROPE_NTK, .factor = 1000),
        READS("{" HEAD_JSON ", 'rope_scaling': {'rope_type': 'yarn', 'factor': 32, 'truncate': "
              "false, 'beta_fast': 16, 'beta_slow': 2, 'attention_factor': 1.25, "
              "'original_max_position_embeddings': 4096}}",
              HEAD, .kind = GYRE_ROPE_YARN, .factor = 32, .beta_fast = 16, .beta_slow = 2,
              .attention_factor = 1.25, .is_untruncated = true, .original_len = 4096),
        READS("{" HEAD_JSON ", 'max_position_embeddings': 163840, 'rope_scaling': {'type': 'yarn', "
              "'mscale': 1, 'mscale_all_dim': 0, 'truncate': true, "
              "'original_max_position_embeddings': 4096}}",
              HEAD, .kind = GYRE_ROPE_YARN, .mscale = 1, .max_len = 163840, .original_len = 4096),
        READS("{" HEAD_JSON ", 'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, "
              "'low_freq_factor': 1.0, 'high_freq_factor': 4.0, "
              "'original_max_position_embeddings': 8192}}",
              HEAD, .kind = GYRE_ROPE_LLAMA3, .factor = 8, .low_freq_factor = 1,
              .high_freq_factor = 4, .original_len = 8192),
        READS("{" HEAD_JSON ", 'rope_scaling': {'rope_type': 'proportional', "
              "'partial_rotary_factor': 0.25}}",
              HEAD, .kind = GYRE_ROPE_PROPORTIONAL, .factor = 1, .partial_rotary_factor = 0.25),
        READS("{" HEAD_JSON ", 'rope_scaling': {'type': 'mrope', 'mrope_section': [16, 24, 24]}}",
              HEAD, .axes = GYRE_ROPE_SECTIONS, .sections = {16, 24, 24}),
        READS("{" HEAD_JSON ", 'rope_scaling': {'mrope_section': [24, 20, 20], "
              "'mrope_interleaved': true}}",
              HEAD, .axes = GYRE_ROPE_SECTIONS_INTERLEAVED, .sections = {24, 20, 20}));
}

#define LONGROPE                                                                                   \
    "'head_dim': 4, 'max_position_embeddings': 8192, 'rope_scaling': {'short_factor': [1, 2.5], "  \
    "'long_factor': [3, 4], "
#define LONGROPE_WANT                                                                              \
    .head_dim = 4, .theta = 10000, .kind = GYRE_ROPE_LONGROPE, .max_len = 8192,                    \
    .n_short_factor = 2, .n_long_factor = 2

Test(rope_json, longrope)
{
    struct reading reading;
    CHECK_SPELLINGS(
        READS("{'original_max_position_embeddings': 4096, " LONGROPE "'type': 'su'}}",
              LONGROPE_WANT, .original_len = 4096),
        // The ratio of the lengths, not the factor, where the model says both.
        READS("{'original_max_position_embeddings': 4096, " LONGROPE
              "'type': 'longrope', 'factor': 7}}",
              LONGROPE_WANT, .original_len = 4096),
        READS("{" LONGROPE "'type': 'longrope', 'original_max_position_embeddings': 4096, "
              "'factor': 32}}",
              LONGROPE_WANT, .original_len = 4096, .factor = 32),
        {.text = "{" LONGROPE "'type': 'longrope', 'original_max_position_embeddings': 4096, "
                 "'short_mscale': 1.25, 'long_mscale': 1.5}}",
         .seq_len = 4097,
         .want = {LONGROPE_WANT, .original_len = 4096, .attention_factor = 1.5, .seq_len = 4097}},
        {.text = "{" LONGROPE "'type': 'longrope', 'original_max_position_embeddings': 4096, "
                 "'short_mscale': 1.25, 'long_mscale': 1.5}}",
         .seq_len = 4096,
         .want = {LONGROPE_WANT, .original_len = 4096, .attention_factor = 1.25, .seq_len = 4096}});
    read_well("{" LONGROPE "'type': 'longrope'}}", NULL, 0, &reading);
    const struct gyre_rope_config *config = reading.config;
    cr_assert(config->short_factor[0] == 1 && config->short_factor[1] == 2.5);
    cr_assert(config->long_factor[0] == 3 && config->long_factor[1] == 4);
    gyre_rope_config_destroy(&reading.config);
}

#define GEMMA3                                                                                     \
    "'model_type': 'gemma3_text', 'rope_theta': 1000000, 'rope_local_base_freq': 20000, "          \
    "'rope_scaling': {'rope_type': 'linear', 'factor': 8}"
#define PER_LAYER                                                                                  \
    "'rope_parameters': {'full_attention': {'rope_theta': 2e6, 'rope_type': 'proportional', "      \
    "'partial_rotary_factor': 0.25}, 'sliding_attention': {'rope_theta': 3e4}}"

Test(rope_json, layer_types)
{
    CHECK_SPELLINGS(
        READS("{" GEMMA3 "}", .head_dim = 256, .theta = 1e6, .kind = GYRE_ROPE_LINEAR, .factor = 8),
        READS_LAYER("sliding_attention", "{" GEMMA3 "}", .head_dim = 256, .theta = 20000),
        READS("{'model_type': 'gemma3_text'}", .head_dim = 256, .theta = 1e6),
        READS_LAYER("sliding_attention", "{'model_type': 'gemma3_text'}", .head_dim = 256,
                    .theta = 10000),
        READS("{" HEAD_JSON ", 'global_rope_theta': 160000.0, 'local_rope_theta': 20000}",
              .head_dim = 128, .theta = 160000),
        READS_LAYER("sliding_attention",
                    "{" HEAD_JSON ", 'global_rope_theta': 160000.0, 'local_rope_theta': 20000}",
                    .head_dim = 128, .theta = 20000),
        READS_LAYER("sliding_attention",
                    "{" HEAD_JSON ", 'global_rope_theta': 160000.0, 'local_rope_theta': null}",
                    .head_dim = 128, .theta = 160000),
        READS("{'global_head_dim': 512, " HEAD_JSON ", " PER_LAYER "}", .head_dim = 512,
              .theta = 2e6, .kind = GYRE_ROPE_PROPORTIONAL, .factor = 1,
              .partial_rotary_factor = 0.25),
        READS_LAYER("sliding_attention", "{'global_head_dim': 512, " HEAD_JSON ", " PER_LAYER "}",
                    .head_dim = 128, .theta = 3e4),
        READS_LAYER("chunked_attention", "{" HEAD_JSON ", 'layer_types': ['chunked_attention']}",
                    HEAD));
}

Test(rope_json, nested)
{
    CHECK_SPELLINGS(
        READS("{'head_dim': 7, 'rope_theta': 5, 'text_config': {" HEAD_JSON "}}", HEAD),
        READS("{'llm_config': {" HEAD_JSON ", 'rope_theta': 1e6}}", .head_dim = 128, .theta = 1e6),
        READS("{'language_config': {" HEAD_JSON ", 'model_type': 'deepseek_v2'}}", HEAD,
              .pairing = GYRE_ROPE_INTERLEAVED),
        READS("{'thinker_config': {'text_config': {" HEAD_JSON "}}}", HEAD),
        READS("{" HEAD_JSON ", 'text_config': null}", HEAD));
}

Test(rope_json, unknown_keys)
{
    static const struct {
        const char *text, *unknown;
    } texts[] = {
        {"{" HEAD_JSON ", 'dropout': 0.1, 'vocab_size': 5}", ""},
        {"{" HEAD_JSON ", 'rope_magic': 1, 'use_rotary': true, 'rope_none': null}",
         "rope_magic use_rotary"},
        {"{" HEAD_JSON ", 'rope_scaling': {'type': 'default', 'llama_4_scaling_beta': 0.1}}",
         "llama_4_scaling_beta"},
        {"{" HEAD_JSON ", 'rope_scaling': {'type': 'default', 'Factor': 1, 'finetuned': true}}",
         "Factor finetuned"},
        {"{'xrope': 1, 'text_config': {" HEAD_JSON ", 'yrope': 1}}", "xrope yrope"},
        {"{" HEAD_JSON ", 'rope_parameters': {'full_attention': {'odd': 1}, 'factor': 2, "
         "'sliding_attention': {'even': 1}}}",
         "factor odd"},
        {"{" HEAD_JSON ", 'rope \\u001b[31m\xc3\xa9': 1, 'rope-2.x': 1}", "rope???31m?? rope-2.x"},
        {"{" HEAD_JSON ", 'rope_scaling': {'': 1}}", "?"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct reading reading;
        read_well(texts[i].text, NULL, 0, &reading);
        cr_assert_str_eq(reading.unknown, texts[i].unknown, "%s", texts[i].text);
        gyre_rope_config_destroy(&reading.config);
    }
}

Test(rope_json, unknown_keys_are_cut)
{
    const char text[] = "{\"head_dim\": 8, \"rope_magic\": 1, \"rope_more\": 1}";
    struct gyre_rope_json_params params = {.text = text, .size = strlen(text)};
    struct gyre_rope_config *config;
    char unknown[14] = "before", whole[21];
    cr_assert(gyre_rope_config_from_json(&params, &config, NULL, 0) == GYRE_OK);
    gyre_rope_config_destroy(&config);
    cr_assert(gyre_rope_config_from_json(&params, &config, unknown, 1) == GYRE_OK);
    cr_assert_str_empty(unknown);
    gyre_rope_config_destroy(&config);
    cr_assert(gyre_rope_config_from_json(&params, &config, unknown, sizeof(unknown)) == GYRE_OK);
    cr_assert_str_eq(unknown, "rope_magic...");
    gyre_rope_config_destroy(&config);
    cr_assert(gyre_rope_config_from_json(&params, &config, unknown, 3) == GYRE_OK);
    cr_assert_str_eq(unknown, "..");
    gyre_rope_config_destroy(&config);
    cr_assert(gyre_rope_config_from_json(&params, &config, whole, sizeof(whole)) == GYRE_OK);
    cr_assert_str_eq(whole, "rope_magic rope_more");
    gyre_rope_config_destroy(&config);
}

// --- published models

static void assert_near(const char *name, const char *what, double got, double want)
{
    cr_assert(fabs(got - want) <= 1e-12 * fabs(want), "%s: %s %.17g, not %.17g", name, what, got,
              want);
}

static void check_facts(const char *name, const struct gyre_rope_config *config,
                        const struct rope_file *file)
{
    static double inv_freq[ROPE_FILE_MAX_DIM / 2];
    static uint32_t pair_axes[ROPE_FILE_MAX_DIM / 2];
    struct gyre_rope_facts facts;
    cr_assert_eq(config->head_dim, file->rope.head_dim, "%s", name);
    cr_assert(gyre_rope_resolve(config, NULL, &facts, inv_freq, pair_axes) == GYRE_OK, "%s", name);
    cr_assert_eq(2 * (size_t)facts.n_pairs, file->rope.rotary_dim, "%s", name);
    cr_assert_eq(facts.n_axes, file->n_axes, "%s", name);
    assert_near(name, "attention_factor", facts.attention_factor, file->attention_factor);
    assert_near(name, "softmax_scale_multiplier", facts.softmax_scale_multiplier,
                file->softmax_scale_multiplier);
    for (uint32_t j = 0; j < facts.n_pairs; j++) {
        assert_near(name, "inv_freq", inv_freq[j], file->inv_freq[j]);
        cr_assert_eq(pair_axes[j], file->pair_axes[j], "%s: axis of pair %u", name, j);
    }
}

// One configuration at one length, against "MODEL.txt" or "MODEL__VARIANT.txt".
static void check_model(const cJSON *item, const char *variant, uint64_t seq_len)
{
    char path[1024], model[256];
    char *text = cJSON_PrintUnformatted(item);
    struct reading reading;
    snprintf(model, sizeof(model), "%s", cJSON_GetStringValue(cJSON_GetObjectItem(item, "model")));
    for (char *slash = strchr(model, '/'); slash != NULL; slash = strchr(slash, '/'))
        *slash = '_';
    snprintf(path, sizeof(path), "%s/rope/%s%s%s.txt", data_dir(), model,
             variant != NULL ? "__" : "", variant != NULL ? variant : "");
    struct rope_file *file = rope_file_read(path);
    cr_assert(file != NULL, "cannot read %s", path);
    read_bytes(text, strlen(text), NULL, seq_len, &reading);
    cr_assert(reading.status == GYRE_OK, "%s: %s", path, reading.said);
    cr_assert_str_empty(reading.unknown, "%s: %s", path, reading.unknown);
    const char *style = cJSON_GetStringValue(cJSON_GetObjectItem(item, "style"));
    cr_assert_eq(strcmp(style, "interleaved") == 0, file->rope.is_interleaved, "%s", path);
    check_facts(path, reading.config, file);
    gyre_rope_config_destroy(&reading.config);
    free(file);
    cJSON_free(text);
}

Test(rope_json, published_models)
{
    cJSON *configs = data_read_json("rope/configs.json");
    const cJSON *item, *variant;
    unsigned n = 0;
    if (configs == NULL)
        skip_test("nothing to compare with: no configurations in", data_dir());
    cJSON_ArrayForEach(item, configs)
    {
        const cJSON *variants = cJSON_GetObjectItem(item, "variants");
        if (variants == NULL) {
            check_model(item, NULL, 0);
            n++;
        }
        cJSON_ArrayForEach(variant, variants)
        {
            check_model(item, variant->string, (uint64_t)variant->valuedouble);
            n++;
        }
    }
    printf("  %u models and lengths\n", n);
    cr_assert_geq(n, 20);
    cJSON_Delete(configs);
}
