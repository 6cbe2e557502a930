// SPDX-License-Identifier: MIT
#include "heatmap.h"

#include <math.h>
#include <stdio.h>

#include <cairo.h>

#include "colour.h"

// Pixels. The plot's longer side is near PLOT.
enum { PLOT = 720, LEFT = 88, TOP = 92, RIGHT = 140, BOTTOM = 76, BAR_GAP = 28, BAR_WIDTH = 20 };
enum { TITLE_SIZE = 22, LABEL_SIZE = 15, TICK_SIZE = 13, TICK_LENGTH = 5, TICK_ROOM = 64 };

static const struct colour ink = {0.13, 0.14, 0.17}, pale = {0.42, 0.44, 0.48},
                           absent = {0.945, 0.945, 0.955};

struct plot {
    cairo_t *cairo;
    const struct heatmap *map;
    double width, height; // of the plot
    double max;           // largest value
};

static void set_colour(cairo_t *cairo, struct colour colour)
{
    cairo_set_source_rgb(cairo, colour.r, colour.g, colour.b);
}

// Small probabilities matter: the root spreads them over more of the colours.
static double shade(const struct plot *plot, double value)
{
    return plot->max > 0 ? sqrt(value / plot->max) : 0;
}

// align 0: from x to the right, 0.5: around x, 1: to the left. y is the baseline.
static void put_text(cairo_t *cairo, double x, double y, double align, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, text, &extents);
    cairo_move_to(cairo, x - align * extents.x_advance, y);
    cairo_show_text(cairo, text);
}

static void set_font(cairo_t *cairo, double size, bool is_bold)
{
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, size);
}

// Largest value of the cells that share a pixel's square.
static double pooled(const struct heatmap *map, size_t row, size_t row_end, size_t column,
                     size_t column_end)
{
    double largest = -1;
    for (size_t i = row; i < row_end; i++)
        for (size_t j = column; j < column_end; j++)
            largest = fmax(largest, map->values[i * map->n_columns + j]);
    return largest;
}

static void draw_cells(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    size_t longer = map->n_rows > map->n_columns ? map->n_rows : map->n_columns;
    size_t pool = (longer + PLOT - 1) / PLOT;
    double dx = plot->width / (double)map->n_columns, dy = plot->height / (double)map->n_rows;
    for (size_t i = 0; i < map->n_rows; i += pool)
        for (size_t j = 0; j < map->n_columns; j += pool) {
            size_t i_end = fmin(i + pool, map->n_rows), j_end = fmin(j + pool, map->n_columns);
            double value = pooled(map, i, i_end, j, j_end);
            set_colour(plot->cairo, value >= 0 ? colour_at(shade(plot, value)) : absent);
            cairo_rectangle(plot->cairo, LEFT + dx * (double)j, TOP + dy * (double)i,
                            dx * (double)(j_end - j), dy * (double)(i_end - i));
            cairo_fill(plot->cairo);
        }
}

static void draw_frame(cairo_t *cairo, double x, double y, double width, double height)
{
    set_colour(cairo, pale);
    cairo_set_line_width(cairo, 1);
    cairo_rectangle(cairo, x - 0.5, y - 0.5, width + 1, height + 1);
    cairo_stroke(cairo);
}

// 1, 2 or 5 times a power of ten, so that labels stand at least TICK_ROOM apart.
static size_t tick_step(size_t n, double length)
{
    static const size_t factors[] = {1, 2, 5};
    for (size_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++) {
            size_t step = factors[i] * power;
            if (length * (double)step / (double)n >= TICK_ROOM || step >= n)
                return step;
        }
}

static void draw_tick(cairo_t *cairo, double x, double y, double dx, double dy)
{
    cairo_move_to(cairo, x, y);
    cairo_rel_line_to(cairo, dx, dy);
    cairo_stroke(cairo);
}

static void draw_ticks(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    cairo_t *cairo = plot->cairo;
    double dx = plot->width / (double)map->n_columns, dy = plot->height / (double)map->n_rows;
    double bottom = TOP + plot->height;
    char text[32];
    set_font(cairo, TICK_SIZE, false);
    set_colour(cairo, pale);
    for (size_t j = 0; j < map->n_columns; j += tick_step(map->n_columns, plot->width)) {
        double x = LEFT + dx * ((double)j + 0.5);
        snprintf(text, sizeof(text), "%zu", j);
        draw_tick(cairo, x, bottom, 0, TICK_LENGTH);
        put_text(cairo, x, bottom + TICK_LENGTH + TICK_SIZE + 2, 0.5, text);
    }
    for (size_t i = 0; i < map->n_rows; i += tick_step(map->n_rows, plot->height)) {
        double y = TOP + dy * ((double)i + 0.5);
        snprintf(text, sizeof(text), "%zu", i);
        draw_tick(cairo, LEFT, y, -TICK_LENGTH, 0);
        put_text(cairo, LEFT - TICK_LENGTH - 4, y + 0.36 * TICK_SIZE, 1, text);
    }
}

static void draw_labels(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    cairo_t *cairo = plot->cairo;
    set_colour(cairo, ink);
    set_font(cairo, TITLE_SIZE, true);
    put_text(cairo, LEFT, 44, 0, map->title);
    set_font(cairo, LABEL_SIZE, false);
    put_text(cairo, LEFT + plot->width / 2, TOP + plot->height + 52, 0.5, map->column_label);
    cairo_save(cairo);
    cairo_translate(cairo, 28, TOP + plot->height / 2);
    cairo_rotate(cairo, -acos(0));
    put_text(cairo, 0, 0, 0.5, map->row_label);
    cairo_restore(cairo);
    set_colour(cairo, pale);
    put_text(cairo, LEFT, 70, 0, map->subtitle);
}

// The scale's label stands upright along the right edge.
static void draw_scale_label(const struct plot *plot, double x)
{
    cairo_t *cairo = plot->cairo;
    set_colour(cairo, ink);
    set_font(cairo, LABEL_SIZE, false);
    cairo_save(cairo);
    cairo_translate(cairo, x, TOP + plot->height / 2);
    cairo_rotate(cairo, acos(0));
    put_text(cairo, 0, 0, 0.5, plot->map->scale_label);
    cairo_restore(cairo);
}

static void draw_scale_tick(const struct plot *plot, double x, double y, double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.2g", value);
    draw_tick(plot->cairo, x, y, TICK_LENGTH, 0);
    put_text(plot->cairo, x + TICK_LENGTH + 4, y + 0.36 * TICK_SIZE, 0, text);
}

// Both ends, and of round values those that have room.
static void draw_scale_ticks(const struct plot *plot, double x)
{
    static const double values[] = {0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001};
    const double room = 2 * TICK_SIZE, bottom = TOP + plot->height;
    double last = TOP;
    set_font(plot->cairo, TICK_SIZE, false);
    set_colour(plot->cairo, pale);
    draw_scale_tick(plot, x, TOP, plot->max);
    draw_scale_tick(plot, x, bottom, 0);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        double y = bottom - plot->height * shade(plot, values[i]);
        if (y - last < room || bottom - y < room)
            continue;
        draw_scale_tick(plot, x, y, values[i]);
        last = y;
    }
}

static void draw_scale(const struct plot *plot)
{
    double x = LEFT + plot->width + BAR_GAP;
    int height = (int)plot->height;
    for (int i = 0; i < height; i++) {
        set_colour(plot->cairo, colour_at(1 - (i + 0.5) / height));
        cairo_rectangle(plot->cairo, x, TOP + i, BAR_WIDTH, 1);
        cairo_fill(plot->cairo);
    }
    draw_frame(plot->cairo, x, TOP, BAR_WIDTH, height);
    draw_scale_ticks(plot, x + BAR_WIDTH);
    draw_scale_label(plot, x + BAR_WIDTH + 60);
}

// Cells are whole pixels where they are larger than one.
static void set_size(struct plot *plot)
{
    const struct heatmap *map = plot->map;
    double longer = fmax((double)map->n_rows, (double)map->n_columns);
    double cell = longer < PLOT ? floor(PLOT / longer) : PLOT / longer;
    plot->width = fmax(ceil(cell * (double)map->n_columns), 240);
    plot->height = fmax(ceil(cell * (double)map->n_rows), 240);
}

bool heatmap_write(const struct heatmap *map, const char *path)
{
    struct plot plot = {.map = map};
    if (map->n_rows == 0 || map->n_columns == 0)
        return false;
    for (size_t i = 0; i < map->n_rows * map->n_columns; i++)
        plot.max = fmax(plot.max, map->values[i]);
    set_size(&plot);
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, LEFT + (int)plot.width + RIGHT, TOP + (int)plot.height + BOTTOM);
    plot.cairo = cairo_create(surface);
    cairo_set_source_rgb(plot.cairo, 1, 1, 1);
    cairo_paint(plot.cairo);
    cairo_set_antialias(plot.cairo, CAIRO_ANTIALIAS_NONE);
    draw_cells(&plot);
    draw_frame(plot.cairo, LEFT, TOP, plot.width, plot.height);
    cairo_set_antialias(plot.cairo, CAIRO_ANTIALIAS_DEFAULT);
    draw_ticks(&plot);
    draw_labels(&plot);
    draw_scale(&plot);
    bool is_written = cairo_surface_write_to_png(surface, path) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(plot.cairo);
    cairo_surface_destroy(surface);
    return is_written;
}
