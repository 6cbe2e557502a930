// SPDX-License-Identifier: MIT
// Wrong configurations: each is refused with a log line that names the field, and nothing is made.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <gyre/rope.h>

#include "harness/session.h"

static const double ones[4] = {1, 1, 1, 1}, with_nan[4] = {1, NAN, 1, 1},
                    with_zero[4] = {1, 1, 1, 0}, negative[4] = {1, 1, -1, 1},
                    too_fast[4] = {1, 0x1p32, 1, 1};
static const uint32_t far_axes[4] = {0, 1, 4, 0};

#define OF(of_kind) .head_dim = 8, .kind = GYRE_ROPE_##of_kind
#define LONGROPE    OF(LONGROPE), .original_len = 4096
#define SHORT(n)    .short_factor = ones, .n_short_factor = n
#define LONG(n)     .long_factor = ones, .n_long_factor = n

static const struct {
    struct gyre_rope_config config;
    const char *field;
} bad[] = {
    // What rotates.
    {{.head_dim = 0}, "head_dim"},
    {{.head_dim = (1 << 20) + 1}, "head_dim"},
    {{.head_dim = 7}, "rotary_dim"},
    {{.head_dim = 1}, "rotary_dim"},
    {{.head_dim = 8, .rotary_dim = 3}, "rotary_dim"},
    {{.head_dim = 8, .rotary_dim = 10}, "rotary_dim"},
    {{.head_dim = 8, .rotary_dim = 6, .rotary_offset = 4}, "rotary_offset"},
    {{.head_dim = 8, .rotary_dim = 6, .rotary_offset = UINT32_MAX - 3}, "rotary_offset"},
    {{.head_dim = 8, .partial_rotary_factor = 0.1}, "rotary_dim"},
    {{.head_dim = 8, .partial_rotary_factor = 0.4}, "rotary_dim"},
    {{.head_dim = 8, .partial_rotary_factor = 1.5}, "partial_rotary_factor"},
    {{.head_dim = 8, .partial_rotary_factor = -0.5}, "partial_rotary_factor"},
    {{.head_dim = 8, .partial_rotary_factor = NAN}, "partial_rotary_factor"},
    {{.head_dim = 8, .pairing = (enum gyre_rope_pairing)4}, "pairing"},

    // Numbers.
    {{.head_dim = 8, .kind = (enum gyre_rope_kind)99}, "kind"},
    {{.head_dim = 8, .theta = -1}, "theta"},
    {{.head_dim = 8, .theta = NAN}, "theta"},
    {{.head_dim = 8, .theta = INFINITY}, "theta"},
    {{OF(LINEAR), .factor = -2}, "factor"},
    {{OF(LINEAR), .factor = NAN}, "factor"},
    {{OF(LINEAR), .factor = INFINITY}, "factor"},
    {{OF(NTK), .factor = -1}, "factor"},
    {{OF(NTK), .rotary_dim = 2, .factor = 2}, "rotary_dim"},
    {{OF(DYNAMIC), .rotary_dim = 2, .factor = 2, .max_len = 64}, "rotary_dim"},
    {{OF(DYNAMIC), .factor = 2}, "original_len"},
    {{OF(YARN), .factor = 2}, "original_len"},
    {{OF(LONGROPE), SHORT(4), LONG(4)}, "original_len"},
    {{OF(LLAMA3), .factor = 2}, "original_len"},
    {{OF(YARN), .max_len = 64, .theta = 1}, "theta"},
    {{OF(YARN), .max_len = 64, .beta_fast = -1}, "beta_fast"},
    {{OF(YARN), .max_len = 64, .beta_slow = NAN}, "beta_slow"},
    {{OF(YARN), .max_len = 64, .beta_fast = 1, .beta_slow = 2}, "beta_fast"},
    {{OF(YARN), .max_len = 64, .mscale = -1}, "mscale"},
    {{OF(YARN), .max_len = 64, .mscale_all_dim = INFINITY}, "mscale_all_dim"},
    {{OF(LLAMA3), .max_len = 64, .low_freq_factor = -1}, "low_freq_factor"},
    {{OF(LLAMA3), .max_len = 64, .high_freq_factor = NAN}, "high_freq_factor"},
    {{OF(LLAMA3), .max_len = 64, .low_freq_factor = 8, .high_freq_factor = 4}, "high_freq_factor"},
    {{.head_dim = 8, .attention_factor = INFINITY}, "attention_factor"},
    {{.head_dim = 8, .attention_factor = NAN}, "attention_factor"},
    {{.head_dim = 8, .attention_factor = 1e19}, "attention_factor"},
    {{.head_dim = 8, .attention_factor = 1e-19}, "attention_factor"},
    {{.head_dim = 8, .attention_factor = -1}, "attention_factor"},
    {{OF(YARN), .max_len = 64, .factor = 2, .mscale = 1e200, .mscale_all_dim = 1},
     "attention_factor"},
    {{OF(YARN), .max_len = 64, .factor = 2, .mscale_all_dim = 1e200}, "mscale_all_dim"},
    {{OF(LONGROPE), SHORT(4), LONG(4), .original_len = 1, .factor = 2}, "attention_factor"},

    // Lists.
    {{LONGROPE}, "short_factor"},
    {{LONGROPE, SHORT(3), LONG(4)}, "short_factor"},
    {{LONGROPE, SHORT(4)}, "long_factor"},
    {{LONGROPE, SHORT(4), LONG(5)}, "long_factor"},
    {{LONGROPE, SHORT(4), .long_factor = with_zero, .n_long_factor = 4}, "long_factor"},
    {{LONGROPE, LONG(4), .short_factor = with_nan, .n_short_factor = 4}, "short_factor"},
    {{LONGROPE, LONG(4), .short_factor = negative, .n_short_factor = 4}, "short_factor"},
    {{.head_dim = 8, .inv_freq = with_nan}, "inv_freq"},
    {{.head_dim = 8, .inv_freq = too_fast}, "inv_freq"},
    {{.head_dim = 8, .freq_factors = with_zero}, "freq_factors"},
    {{.head_dim = 8, .freq_factors = negative}, "freq_factors"},
    // Frequencies of the caller's own do not excuse the rest.
    {{.head_dim = 8, .inv_freq = ones, .kind = (enum gyre_rope_kind)99}, "kind"},
    {{.head_dim = 8, .inv_freq = ones, .theta = NAN}, "theta"},
    {{.head_dim = 8, .inv_freq = ones, .kind = GYRE_ROPE_YARN, .factor = -4}, "factor"},
    {{OF(PROPORTIONAL), .rotary_dim = 4}, "rotary_dim"},
    {{OF(NTK), .factor = 1e308}, "factor"},
    {{OF(LONGROPE), SHORT(4), LONG(4), .original_len = 8, .axes = GYRE_ROPE_VISION}, "axes"},
    {{.head_dim = 8, .freq_factors = with_nan}, "freq_factors"},

    // Axes.
    {{.head_dim = 8, .axes = (enum gyre_rope_axes)7}, "axes"},
    {{.head_dim = 8, .axes = GYRE_ROPE_SECTIONS}, "sections"},
    {{.head_dim = 8, .axes = GYRE_ROPE_SECTIONS, .sections = {1, 1, 1}}, "sections"},
    {{.head_dim = 8, .axes = GYRE_ROPE_SECTIONS, .sections = {2, 2, 1}}, "sections"},
    {{.head_dim = 8, .axes = GYRE_ROPE_SECTIONS, .sections = {UINT32_MAX, 5}}, "sections"},
    {{.head_dim = 8, .axes = GYRE_ROPE_SECTIONS_INTERLEAVED, .sections = {2, 1}}, "sections"},
    {{.head_dim = 8, .rotary_dim = 6, .axes = GYRE_ROPE_VISION}, "rotary_dim"},
    {{.head_dim = 8, .pair_axes = far_axes}, "pair_axes"},
};
enum { N_BAD = sizeof(bad) / sizeof(bad[0]) };

// The field as a word of its own, so that "long_factor" is not taken for "factor".
static bool names(const char *text, const char *field)
{
    size_t length = strlen(field);
    for (const char *at = text; (at = strstr(at, field)) != NULL; at++) {
        bool starts = at == text || at[-1] == ' ';
        if (starts && strchr(" [\n", at[length]) != NULL)
            return true;
    }
    return false;
}

Test(bad_rope_config, resolve_names_the_field)
{
    for (size_t i = 0; i < N_BAD; i++) {
        struct log_lines lines;
        struct gyre_log log = log_into(&lines);
        struct gyre_rope_facts facts = {.n_pairs = 77};
        uint32_t axes[4] = {77, 77, 77, 77};
        double inv_freq[4] = {77, 77, 77, 77};
        enum gyre_status status = gyre_rope_resolve(&bad[i].config, &log, &facts, inv_freq, axes);
        cr_assert(status == GYRE_INVALID, "row %zu: %s", i, bad[i].field);
        cr_assert(names(lines.text, bad[i].field), "row %zu, %s: %s", i, bad[i].field, lines.text);
        cr_assert(facts.n_pairs == 77, "row %zu", i);
        for (int j = 0; j < 4; j++)
            cr_assert(axes[j] == 77 && inv_freq[j] == 77, "row %zu writes pair %d", i, j);
    }
}

Test(bad_rope_config, no_table_is_made)
{
    struct session session;
    struct gyre_rope_table *table = NULL;
    cr_assert(session_open(&session, "cpu") == GYRE_OK);
    for (size_t i = 0; i < N_BAD; i++) {
        session.log.text[0] = '\0';
        cr_assert(gyre_rope_table_create(session.device, &bad[i].config, &table) == GYRE_INVALID);
        cr_assert(table == NULL);
        cr_assert(names(session.log.text, bad[i].field), "row %zu, %s: %s", i, bad[i].field,
                  session.log.text);
    }
    const struct gyre_rope_config good = {.head_dim = 8};
    cr_assert(gyre_rope_table_create(NULL, &good, &table) == GYRE_INVALID);
    cr_assert(gyre_rope_table_create(session.device, NULL, &table) == GYRE_INVALID);
    cr_assert(gyre_rope_table_create(session.device, &good, NULL) == GYRE_INVALID);
    session_close(&session);
}

Test(bad_rope_config, no_cache_is_filled)
{
    double out[2] = {77, 77};
    struct log_lines lines;
    struct gyre_log log = log_into(&lines);
    const struct gyre_rope_config good = {.head_dim = 8};
    for (size_t i = 0; i < N_BAD; i++) {
        lines.text[0] = '\0';
        enum gyre_status status =
            gyre_rope_fill_cache(&bad[i].config, &log, 0, 1, GYRE_F32, &out[0], &out[1]);
        cr_assert(status == GYRE_INVALID && names(lines.text, bad[i].field), "row %zu", i);
    }
    const enum gyre_dtype dtypes[] = {GYRE_I32, GYRE_I64, GYRE_U8, (enum gyre_dtype)99};
    for (size_t i = 0; i < 4; i++)
        cr_assert(gyre_rope_fill_cache(&good, &log, 0, 1, dtypes[i], &out[0], &out[1]) ==
                  GYRE_INVALID);
    cr_assert(gyre_rope_fill_cache(&good, &log, 0, 1, GYRE_F32, NULL, &out[1]) == GYRE_INVALID);
    cr_assert(gyre_rope_fill_cache(&good, &log, 0, 1, GYRE_F32, &out[0], NULL) == GYRE_INVALID);
    cr_assert(gyre_rope_fill_cache(NULL, &log, 0, 1, GYRE_F32, &out[0], &out[1]) == GYRE_INVALID);
    cr_assert(out[0] == 77 && out[1] == 77);
}
