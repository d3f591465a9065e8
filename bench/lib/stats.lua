--- A few numbers that stand for many.

local stats = {}

--- The value below which `part` of the sorted list lies.
local function quantile(list, part)
  local at = 1 + (#list - 1) * part
  local below = math.floor(at)
  local low, high = list[below], list[math.min(below + 1, #list)]
  return low + (high - low) * (at - below)
end

---@param list number[]
---@return number
function stats.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  return quantile(sorted, 0.5)
end

--- Median, least, most, and the spread: how far the middle half of the values
--- lies apart, as a part of the median.
---@param list number[]
function stats.of(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local median = quantile(sorted, 0.5)
  return {
    median = median, least = sorted[1], most = sorted[#sorted], runs = #sorted,
    spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / median,
  }
end

--- The median of the ratios of values that were measured in the same round.
---@param list number[]
---@param floor number[]
---@return number
function stats.ratio(list, floor)
  local ratios = {}
  for i = 1, math.min(#list, #floor) do ratios[i] = list[i] / floor[i] end
  return stats.median(ratios)
end

return stats
