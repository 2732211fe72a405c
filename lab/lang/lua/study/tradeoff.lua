return function() return function() return {} end end
