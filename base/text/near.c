/* Edit distance row by row: a byte more, less or other is one step, and so are two neighbours the wrong way round. */
#include "base/text/near.h"

#include <string.h>

/* The distance of |a| and |b|, or more than |most| when it is more. */
static int distance(const char *a, size_t n, const char *b, size_t m, int most)
{
    int rows[3][IT_NEAR_MAX + 1];
    for (size_t k = 0; k <= m; k++)
        rows[0][k] = (int)k;
    for (size_t i = 1; i <= n; i++) {
        const int *up = rows[(i - 1) % 3], *two = rows[(i + 1) % 3]; /* the rows before, and before that */
        int *row = rows[i % 3], least = (int)i;
        row[0] = (int)i;
        for (size_t k = 1; k <= m; k++) {
            int best = up[k - 1] + (a[i - 1] != b[k - 1]);
            best = up[k] + 1 < best ? up[k] + 1 : best;
            best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && two[k - 2] + 1 < best)
                best = two[k - 2] + 1;
            row[k] = best;
            least = best < least ? best : least;
        }
        if (least > most)
            return most + 1;
    }
    return rows[n % 3][m];
}

void it_near_init(it_near *n, const char *word)
{
    int third = (int)(strnlen(word, IT_NEAR_MAX) / 3);
    *n = (it_near){word, NULL, (third > 1 ? third : 1) + 1};
}

void it_near_try(it_near *n, const char *name)
{
    size_t a = strlen(n->word), b = strlen(name);
    size_t gap = a > b ? a - b : b - a;
    if (a > IT_NEAR_MAX || b > IT_NEAR_MAX || gap >= (size_t)n->distance)
        return;
    int d = distance(n->word, a, name, b, n->distance);
    if (d < n->distance) {
        n->distance = d;
        n->best = name;
    }
}
