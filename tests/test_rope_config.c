// SPDX-License-Identifier: MIT
// What configurations come to: frequencies, axes and factors.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <gyre/rope_config.h>

enum { MAX_PAIRS = 128 };

static struct gyre_rope_facts resolve(const struct gyre_rope_config *config, double *inv_freq,
                                      uint32_t *pair_axes)
{
    struct gyre_rope_facts facts;
    enum gyre_status status = gyre_rope_resolve(config, NULL, &facts, inv_freq, pair_axes);
    cr_assert(status == GYRE_OK, "%s", gyre_status_name(status));
    cr_assert(facts.n_pairs <= MAX_PAIRS);
    return facts;
}

static void assert_close(const char *name, double got, double want)
{
    cr_assert(fabs(got - want) <= 1e-14 * fabs(want), "%s: got %.17g, want %.17g", name, got, want);
}

// --- frequencies

// Some pairs of each kind, computed from the published formulas with 50 digits.
static const struct {
    const char *name;
    struct gyre_rope_config config;
    struct {
        uint32_t pair;
        double inv_freq;
    } want[7];
} rows[] = {
    {"default, every field absent",
     {.head_dim = 128},
     {{0, 1}, {16, 0.1}, {32, 0.01}, {48, 0.001}}},
    {"linear", {.head_dim = 128, .kind = GYRE_ROPE_LINEAR, .factor = 10}, {{0, 0.1}, {32, 0.001}}},
    {"linear, the factor from the lengths",
     {.head_dim = 128, .kind = GYRE_ROPE_LINEAR, .max_len = 8192, .original_len = 2048},
     {{0, 0.25}, {32, 0.0025}}},
    {"ntk",
     {.head_dim = 128, .kind = GYRE_ROPE_NTK, .factor = 8},
     {{0, 1},
      {1, 0.837848001918802427},
      {31, 0.00415070996189067892},
      {63, 1.44347748086182272e-05}}},
    {"dynamic",
     {.head_dim = 128, .kind = GYRE_ROPE_DYNAMIC, .factor = 10, .max_len = 2048, .seq_len = 16384},
     {{0, 1},
      {1, 0.80931007489151476},
      {31, 0.00141763149175507649},
      {63, 1.62645349956261715e-06}}},
    {"yarn",
     {.head_dim = 128, .kind = GYRE_ROPE_YARN, .factor = 10, .original_len = 2048},
     {{0, 1},
      {16, 0.1},
      {17, 0.0834789607719103},
      {30, 0.00661426630353008717},
      {41, 0.000273841963426436129},
      {42, 0.000237137370566165526},
      {63, 1.15478198468945818e-05}}},
    {"yarn with whole ends",
     {.head_dim = 64, .kind = GYRE_ROPE_YARN, .theta = 150000, .factor = 32, .original_len = 4096},
     {{8, 0.0508132748154614736},
      {9, 0.0316207522753464879},
      {12, 0.00701571391050438825},
      {17, 0.000227947795795125263},
      {18, 3.83088123737533829e-05},
      {31, 3.02351142811921437e-07}}},
    {"yarn with real ends",
     {.head_dim = 64,
      .kind = GYRE_ROPE_YARN,
      .theta = 150000,
      .factor = 32,
      .original_len = 4096,
      .is_untruncated = true},
     {{8, 0.0508132748154614736},
      {9, 0.031705696184663766},
      {12, 0.00679495948973221783},
      {17, 0.000129318701245062721},
      {18, 3.83088123737533829e-05},
      {31, 3.02351142811921437e-07}}},
    {"yarn, equal betas",
     {.head_dim = 128,
      .kind = GYRE_ROPE_YARN,
      .factor = 8,
      .original_len = 4096,
      .beta_fast = 4,
      .beta_slow = 4},
     {{0, 1},
      {34, 0.00749894209332455827},
      {35, 0.00649381631576211315},
      {36, 0.00070292665648793635},
      {63, 1.44347748086182272e-05}}},
    {"yarn, equal betas and real ends",
     {.head_dim = 128,
      .kind = GYRE_ROPE_YARN,
      .factor = 8,
      .original_len = 4096,
      .beta_fast = 4,
      .beta_slow = 4,
      .is_untruncated = true},
     {{35, 0.00649381631576211315}, {36, 0.00070292665648793635}}},
    {"llama3",
     {.head_dim = 128,
      .kind = GYRE_ROPE_LLAMA3,
      .theta = 500000,
      .factor = 8,
      .original_len = 8192},
     {{28, 0.00321144599475259102},
      {29, 0.00216657076350335861},
      {30, 0.00137189356776113816},
      {32, 0.00052484616099295467},
      {34, 0.000178507812767996419},
      {35, 9.55621235396468302e-05},
      {63, 3.06892598891451109e-07}}},
    {"proportional",
     {.head_dim = 128, .kind = GYRE_ROPE_PROPORTIONAL, .partial_rotary_factor = 0.25},
     {{0, 1}, {8, 0.31622776601683793}, {15, 0.11547819846894582}, {16, 0}, {63, 0}}},
    {"proportional with a factor",
     {.head_dim = 128, .kind = GYRE_ROPE_PROPORTIONAL, .partial_rotary_factor = 0.25, .factor = 8},
     {{0, 0.125}, {8, 0.039528470752104741}, {16, 0}}},
    {"vision: two heads half as long",
     {.head_dim = 128, .axes = GYRE_ROPE_VISION},
     {{0, 1}, {8, 0.1}, {16, 0.01}, {32, 1}, {40, 0.1}, {48, 0.01}}},
};

Test(rope_config, frequencies)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double inv_freq[MAX_PAIRS];
        resolve(&rows[i].config, inv_freq, NULL);
        for (size_t j = 0; j < 7; j++)
            if (j == 0 || rows[i].want[j].pair != 0)
                assert_close(rows[i].name, inv_freq[rows[i].want[j].pair],
                             rows[i].want[j].inv_freq);
    }
}

static void assert_same_frequencies(const struct gyre_rope_config *a,
                                    const struct gyre_rope_config *b, double b_factor)
{
    double a_freq[MAX_PAIRS], b_freq[MAX_PAIRS];
    struct gyre_rope_facts facts = resolve(a, a_freq, NULL);
    cr_assert(resolve(b, b_freq, NULL).n_pairs == facts.n_pairs);
    for (uint32_t j = 0; j < facts.n_pairs; j++)
        assert_close("frequency", a_freq[j], b_freq[j] * b_factor);
}

// Up to the original length, dynamic scaling changes nothing; past it, at once.
Test(rope_config, dynamic_switches_past_the_original_length)
{
    const struct gyre_rope_config plain = {.head_dim = 128};
    struct gyre_rope_config config = {
        .head_dim = 128, .kind = GYRE_ROPE_DYNAMIC, .factor = 10, .max_len = 2048};
    const uint64_t lengths[] = {0, 1, 2047, 2048};
    for (size_t i = 0; i < 4; i++) {
        config.seq_len = lengths[i];
        assert_same_frequencies(&config, &plain, 1);
    }
    double before[64], after[64];
    resolve(&config, before, NULL);
    config.seq_len = 2049;
    resolve(&config, after, NULL);
    cr_assert(after[0] == 1 && after[63] < before[63]);
}

Test(rope_config, longrope_switches_past_the_original_length)
{
    static const double shorter[4] = {1, 2, 4, 8}, longer[4] = {2, 8, 32, 128};
    struct gyre_rope_config config = {.head_dim = 8,
                                      .kind = GYRE_ROPE_LONGROPE,
                                      .theta = 10000,
                                      .original_len = 4096,
                                      .max_len = 131072,
                                      .short_factor = shorter,
                                      .long_factor = longer,
                                      .n_short_factor = 4,
                                      .n_long_factor = 4};
    const uint64_t lengths[] = {0, 4095, 4096, 4097, 131072};
    for (size_t i = 0; i < 5; i++) {
        double inv_freq[4];
        const double *factors = lengths[i] > 4096 ? longer : shorter;
        config.seq_len = lengths[i];
        struct gyre_rope_facts facts = resolve(&config, inv_freq, NULL);
        assert_close("attention factor", facts.attention_factor, 1.19023807142380833);
        for (uint32_t j = 0; j < 4; j++)
            assert_close("longrope", inv_freq[j], pow(10, -(double)j) / factors[j]);
    }
}

// Where both ends of llama3's blend are one, waves are either kept or stretched.
Test(rope_config, llama3_without_a_blend)
{
    const struct gyre_rope_config config = {.head_dim = 128,
                                            .kind = GYRE_ROPE_LLAMA3,
                                            .factor = 8,
                                            .original_len = 8192,
                                            .low_freq_factor = 4,
                                            .high_freq_factor = 4};
    double inv_freq[64];
    resolve(&config, inv_freq, NULL);
    for (uint32_t j = 0; j < 64; j++) {
        double f = pow(10000, -(double)j / 64), wave = 6.283185307179586 / f;
        assert_close("llama3", inv_freq[j], wave > 8192.0 / 4 ? f / 8 : f);
    }
}

// YaRN keeps what turns often, and interpolates what turns seldom.
Test(rope_config, yarn_without_a_factor_is_the_default)
{
    const struct gyre_rope_config plain = {.head_dim = 64, .theta = 1e6};
    const struct gyre_rope_config yarn = {
        .head_dim = 64, .theta = 1e6, .kind = GYRE_ROPE_YARN, .original_len = 4096};
    assert_same_frequencies(&yarn, &plain, 1);
    cr_assert(resolve(&yarn, NULL, NULL).attention_factor == 1);
}

Test(rope_config, own_frequencies_and_divisors)
{
    static const double own[4] = {3, -0.5, 0, 0.1}, divisors[4] = {1, 2, 4, 8};
    const struct gyre_rope_config config = {
        .head_dim = 8, .inv_freq = own, .freq_factors = divisors, .is_f32 = true};
    double inv_freq[4];
    resolve(&config, inv_freq, NULL);
    for (uint32_t j = 0; j < 4; j++)
        cr_assert(inv_freq[j] == (double)(float)(own[j] / divisors[j]), "pair %u", j);
    const struct gyre_rope_config linear = {
        .head_dim = 8, .kind = GYRE_ROPE_LINEAR, .factor = 2, .freq_factors = divisors};
    resolve(&linear, inv_freq, NULL);
    for (uint32_t j = 0; j < 4; j++)
        assert_close("divided", inv_freq[j], pow(10, -(double)j) / 2 / divisors[j]);
}

// --- what rotates

Test(rope_config, rotary_dim)
{
    static const struct {
        struct gyre_rope_config config;
        uint32_t n_pairs;
    } sizes[] = {
        {{.head_dim = 128}, 64},
        {{.head_dim = 96, .partial_rotary_factor = 0.25}, 12},
        {{.head_dim = 80, .partial_rotary_factor = 0.4}, 16},
        {{.head_dim = 81, .partial_rotary_factor = 0.4}, 16},
        {{.head_dim = 128, .rotary_dim = 64, .rotary_offset = 64}, 32},
        {{.head_dim = 128, .rotary_dim = 20, .partial_rotary_factor = 0.5}, 10},
        {{.head_dim = 7, .rotary_dim = 2, .rotary_offset = 5}, 1},
        {{.head_dim = 128, .partial_rotary_factor = 0.25, .kind = GYRE_ROPE_PROPORTIONAL}, 64},
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        cr_assert(resolve(&sizes[i].config, NULL, NULL).n_pairs == sizes[i].n_pairs, "row %zu", i);
}

Test(rope_config, axes)
{
    static const uint32_t own[8] = {3, 0, 0, 1, 1, 2, 0, 0};
    static const struct {
        struct gyre_rope_config config;
        uint32_t n_axes, want[8];
    } kinds[] = {
        {{.head_dim = 16}, 1, {0}},
        {{.head_dim = 16, .axes = GYRE_ROPE_SECTIONS, .sections = {2, 3, 3}},
         3,
         {0, 0, 1, 1, 1, 2, 2, 2}},
        {{.head_dim = 16, .axes = GYRE_ROPE_SECTIONS, .sections = {0, 2, 0, 6}},
         4,
         {1, 1, 3, 3, 3, 3, 3, 3}},
        {{.head_dim = 16, .axes = GYRE_ROPE_SECTIONS, .sections = {8}}, 1, {0}},
        {{.head_dim = 16, .axes = GYRE_ROPE_SECTIONS_INTERLEAVED, .sections = {4, 2, 2}},
         3,
         {0, 1, 2, 0, 1, 2, 0, 0}},
        {{.head_dim = 16, .axes = GYRE_ROPE_SECTIONS_INTERLEAVED, .sections = {6, 2}},
         2,
         {0, 1, 0, 1, 0, 0, 0, 0}},
        {{.head_dim = 16, .axes = GYRE_ROPE_VISION}, 2, {0, 0, 0, 0, 1, 1, 1, 1}},
        {{.head_dim = 16, .axes = GYRE_ROPE_VISION, .pair_axes = own}, 4, {3, 0, 0, 1, 1, 2, 0, 0}},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint32_t got[8];
        struct gyre_rope_facts facts = resolve(&kinds[i].config, NULL, got);
        cr_assert(facts.n_axes == kinds[i].n_axes, "row %zu: %u axes", i, facts.n_axes);
        cr_assert(memcmp(got, kinds[i].want, sizeof(got)) == 0, "row %zu", i);
    }
}

// --- factors

#define YARN_OF(n) .head_dim = 64, .kind = GYRE_ROPE_YARN, .factor = n, .original_len = 4096

Test(rope_config, factors)
{
    static const double list[1] = {1};
    static const struct {
        struct gyre_rope_config config;
        double attention, softmax;
    } factors[] = {
        {{.head_dim = 64}, 1, 1},
        {{.head_dim = 64, .attention_factor = 1.5}, 1.5, 1},
        {{.head_dim = 64, .kind = GYRE_ROPE_LINEAR, .factor = 8}, 1, 1},
        {{YARN_OF(4)}, 1.1386294361119891, 1},
        {{YARN_OF(1)}, 1, 1},
        {{YARN_OF(0.5)}, 1, 1},
        {{YARN_OF(4), .attention_factor = 2}, 2, 1},
        {{YARN_OF(40), .mscale = 0.707, .mscale_all_dim = 0.707}, 1, 1.58962616512087351},
        {{YARN_OF(40), .mscale = 1, .mscale_all_dim = 0.5},
         1.15572199019626089,
         1.40290752447885346},
        {{YARN_OF(40), .mscale = 0.707}, 1.36888794541139363, 1},
        {{YARN_OF(40), .mscale_all_dim = 0.707}, 1.36888794541139363, 1.58962616512087351},
        {{.head_dim = 2,
          .kind = GYRE_ROPE_LONGROPE,
          .factor = 32,
          .original_len = 4096,
          .short_factor = list,
          .long_factor = list,
          .n_short_factor = 1,
          .n_long_factor = 1},
         1.19023807142380833,
         1},
        {{.head_dim = 2,
          .kind = GYRE_ROPE_LONGROPE,
          .original_len = 4096,
          .short_factor = list,
          .long_factor = list,
          .n_short_factor = 1,
          .n_long_factor = 1},
         1,
         1},
    };
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        struct gyre_rope_facts facts = resolve(&factors[i].config, NULL, NULL);
        assert_close("attention factor", facts.attention_factor, factors[i].attention);
        assert_close("softmax", facts.softmax_scale_multiplier, factors[i].softmax);
    }
}
