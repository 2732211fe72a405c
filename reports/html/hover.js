// A cursor over the timeline: says when, and marks the rows of the ladder of that time. The page says everything without it.
const tl = document.getElementById('tl')
if (tl) {
  const d = tl.dataset, x0 = +d.x0, x1 = +d.x1, end = +d.end, near = end / 150, cur = document.getElementById('cur'), says = document.getElementById('says')
  const rows = [...document.querySelectorAll('[data-t]')].map(e => [e, ...e.dataset.t.split(' ').map(Number)])
  const mark = t => {
    let last = -1
    for (const [, from] of rows) if (from <= t && from > last) last = from
    const here = r => t >= 0 && (r[1] <= t + near && (r[2] ?? r[1]) >= t - near)
    const some = rows.some(here)
    for (const r of rows) r[0].classList.toggle('on', t >= 0 && (some ? here(r) : r[1] == last))
  }
  tl.addEventListener('mousemove', e => {
    const x = new DOMPoint(e.clientX, e.clientY).matrixTransform(tl.getScreenCTM().inverse()).x, on = x >= x0 && x <= x1
    const t = on ? (x - x0) / (x1 - x0) * end : -1, after = (t - d.fault) / 1000
    cur.setAttribute('visibility', on ? 'visible' : 'hidden')
    cur.setAttribute('transform', `translate(${x} 0)`)
    says.setAttribute('x', x)
    says.textContent = on ? (t / 1000).toFixed(2) + ' s' + (after > 0 ? ', fault + ' + after.toFixed(2) + ' s' : '') : ''
    mark(t)
  })
  tl.addEventListener('mouseleave', () => { cur.setAttribute('visibility', 'hidden'); says.textContent = ''; mark(-1) })
}
