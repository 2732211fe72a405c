/* Hosts that stand still, go on, or lose all that ran on them. */
#include "lab/driver/impl.h"

it_time it_lab_app_now(const it_lab *lab, int i)
{
    const lab_app *a = it_lab_app_of(lab, i);
    return a ? it_lab_clock(lab, a) : it_lab_now(lab);
}

void it_lab_halt(it_lab *lab, it_host *host)
{
    for (int i = it_lab_first_on(lab, host); i >= 0; i = it_lab_after(lab, i)) {
        lab->apps[i].halted = true;
        it_lab_ask_next(lab, i);
    }
}

/* Brings the sockets of |a| to what the interfaces are now. */
static int follow_all(it_lab *lab, lab_app *a)
{
    int err = 0;
    for (int k = 0; k < it_host_n_ifaces(a->host) && err >= 0; k++)
        err = it_lab_follow(lab, a, k);
    return err;
}

int it_lab_go_on(it_lab *lab, it_host *host, it_time lag)
{
    for (int i = it_lab_first_on(lab, host); i >= 0; i = it_lab_after(lab, i)) {
        lab_app *a = &lab->apps[i];
        if (!a->halted)
            continue;
        a->halted = false;
        a->lag += lag;
        it_lab_touch(lab, i);
        int err = follow_all(lab, a);
        if (err < 0)
            return err;
    }
    return 0;
}

void it_lab_lose(it_lab *lab, it_host *host)
{
    for (int i; (i = it_lab_first_on(lab, host)) >= 0;)
        it_lab_remove(lab, i);
}
