// SPDX-License-Identifier: MIT
#include "attention_map.h"

#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "heatmap.h"

struct words {
    char title[64], subtitle[160], caption[192];
};

static const struct head_study *first_drawn(const struct study *study)
{
    const struct head_study *head = study->heads;
    while (head->cells == NULL)
        head++;
    return head;
}

static void write_title(const struct study *study, uint64_t n_heads, char *text, size_t size)
{
    if (study->n_drawn == 1)
        snprintf(text, size, "Attention of head %u", first_drawn(study)->head);
    else if (study->n_drawn == n_heads)
        snprintf(text, size, "Attention of %u heads", study->n_drawn);
    else
        snprintf(text, size, "Attention of %u of %llu heads", study->n_drawn,
                 (unsigned long long)n_heads);
}

static void write_subtitle(const struct study *study, const struct gyre_attention_params *params,
                           uint32_t batch, char *text, size_t size)
{
    uint64_t n_queries = params->q.shape[1], n_keys = params->k.shape[1];
    char element[32] = "", mean[48] = "";
    if (params->q.shape[0] > 1)
        snprintf(element, sizeof(element), "batch element %u, ", batch);
    if (study->n_drawn == 1)
        snprintf(mean, sizeof(mean), ", mean entropy %.2f nats",
                 entropy_mean(&first_drawn(study)->entropy));
    snprintf(text, size, "%s%s%llu quer%s on %llu key%s%s", element,
             params->is_causal ? "causal, " : "", (unsigned long long)n_queries,
             n_queries == 1 ? "y" : "ies", (unsigned long long)n_keys, n_keys == 1 ? "" : "s",
             mean);
}

static bool has_hidden(const struct study *study)
{
    const size_t n = study->grid.rows.n_cells * study->grid.columns.n_cells;
    for (uint32_t i = 0; i < study->n; i++)
        for (size_t c = 0; study->heads[i].cells != NULL && c < n; c++)
            if (study->heads[i].cells[c] < 0)
                return true;
    return false;
}

static void write_caption(const struct study *study, char *text, size_t size)
{
    const size_t rows = study->grid.rows.pool, columns = study->grid.columns.pool;
    char pooled[96] = "";
    if (rows > 1 && columns > 1)
        snprintf(pooled, sizeof(pooled), "A point is the largest of %zu queries x %zu keys. ", rows,
                 columns);
    else if (rows > 1 || columns > 1)
        snprintf(pooled, sizeof(pooled), "A point is the largest of %zu %s. ",
                 rows > 1 ? rows : columns, rows > 1 ? "queries" : "keys");
    snprintf(text, size, "%s%s%s", pooled, has_hidden(study) ? "Grey: hidden. " : "",
             heat_grid_has_notes(&study->grid) ? "Nats: entropy, mean over queries." : "");
}

static struct heat_panel *make_panels(const struct study *study)
{
    struct heat_panel *panels = calloc(study->n_drawn, sizeof(*panels));
    struct heat_panel *panel = panels;
    for (uint32_t i = 0; panels != NULL && i < study->n; i++) {
        const struct head_study *head = &study->heads[i];
        if (head->cells == NULL)
            continue;
        panel->cells = head->cells;
        snprintf(panel->label, sizeof(panel->label), "head %u", head->head);
        snprintf(panel->note, sizeof(panel->note), "%.2f nats", entropy_mean(&head->entropy));
        panel++;
    }
    return panels;
}

int attention_map_write(const struct study *study, const struct gyre_attention_params *params,
                        const struct study_options *options)
{
    struct words words;
    struct heat_panel *panels = make_panels(study);
    if (panels == NULL)
        return complain(CODE_DEVICE, "no memory for the picture");
    write_title(study, params->q.shape[2], words.title, sizeof(words.title));
    write_subtitle(study, params, options->batch, words.subtitle, sizeof(words.subtitle));
    write_caption(study, words.caption, sizeof(words.caption));
    const struct heatmap map = {
        .grid = study->grid,
        .panels = panels,
        .title = words.title,
        .subtitle = words.subtitle,
        .caption = words.caption,
        .row_label = "query",
        .column_label = "key",
        .scale_label = "probability",
    };
    bool is_written = heatmap_write(&map, options->map);
    free(panels);
    return is_written ? CODE_OK
                      : complain(CODE_DEVICE, "%s: the map cannot be written", options->map);
}
