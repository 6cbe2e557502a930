// SPDX-License-Identifier: MIT
// Numbers that others have published: frequencies that Hugging Face's own tests expect, which print
// five digits, and ALiBi's slopes.
#include <math.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include <gyre/attention.h>
#include <gyre/rope_config.h>

#include "data/folder.h"
#include "data/json_file.h"
#include "on_devices.h"

enum { N_PAIRS = 64 };

// All with head_dim 128 and theta 10000.
#define MODEL .head_dim = 2 * N_PAIRS, .max_len = 2048, .factor = 10

static const struct {
    const char *key;
    int n;
    struct gyre_rope_config config;
} arrays[] = {
    {"dynamic_factor10_seq16384", 64, {MODEL, .kind = GYRE_ROPE_DYNAMIC, .seq_len = 16384}},
    {"yarn_factor10_orig2048", 64, {MODEL, .kind = GYRE_ROPE_YARN}},
    {"llama3_factor10_orig2048_low1_high4", 64, {MODEL, .kind = GYRE_ROPE_LLAMA3}},
    {"proportional_0.25_first16",
     16,
     {.head_dim = 2 * N_PAIRS, .kind = GYRE_ROPE_PROPORTIONAL, .partial_rotary_factor = 0.25}},
};
enum { N_ARRAYS = sizeof(arrays) / sizeof(arrays[0]) };

Test(published, frequencies)
{
    cJSON *json = data_read_json("published/hf_expected_inv_freq.json");
    if (json == NULL)
        skip_test("nothing to compare with: no published arrays in", data_dir());
    for (size_t i = 0; i < N_ARRAYS; i++) {
        const cJSON *array = cJSON_GetObjectItem(json, arrays[i].key);
        double inv_freq[N_PAIRS];
        cr_assert(cJSON_GetArraySize(array) == arrays[i].n, "%s", arrays[i].key);
        cr_assert(gyre_rope_resolve(&arrays[i].config, NULL, NULL, inv_freq, NULL) == GYRE_OK);
        for (int j = 0; j < arrays[i].n; j++) {
            double want = cJSON_GetArrayItem(array, j)->valuedouble;
            cr_assert(fabs(inv_freq[j] - want) <= 0.5e-4 * want, "%s[%d]: got %.9g, want %.9g",
                      arrays[i].key, j, inv_freq[j], want);
        }
    }
    cJSON_Delete(json);
}

// An array for every number of heads.
Test(published, alibi_slopes)
{
    cJSON *json = data_read_json("published/alibi_slopes.json");
    const cJSON *array;
    if (json == NULL)
        skip_test("nothing to compare with: no published slopes in", data_dir());
    cr_assert(cJSON_GetArraySize(json) >= 7);
    cJSON_ArrayForEach(array, json)
    {
        enum { MAX_HEADS = 1024 };
        float slopes[MAX_HEADS];
        int n = atoi(array->string);
        cr_assert(n > 0 && n <= MAX_HEADS && cJSON_GetArraySize(array) == n, "%s", array->string);
        cr_assert(gyre_alibi_slopes((uint32_t)n, slopes) == GYRE_OK);
        for (int i = 0; i < n; i++) {
            double want = cJSON_GetArrayItem(array, i)->valuedouble;
            cr_assert(fabs((double)slopes[i] - want) <= 0x1p-24 * want, "%d heads, %d: got %.9g", n,
                      i, (double)slopes[i]);
        }
    }
    cJSON_Delete(json);
}
