// One message, Home tab or modal as something a person can press: what is filled in so far, and where a
// press goes. It draws nothing.

import * as api from "./api.js";

const nothing = () => {};

/**
 * `target` is what names the surface to the server: {message: {channel, ts}} or {view_id}.
 * `refused(words)` shows a person what Slack would show when nobody answered; `broken(error)` tells that
 * the sandbox did not.
 */
export class Surface {
  constructor({ user, target, names, refused, broken = nothing }) {
    Object.assign(this, { user, target, names, refused, broken });
    this.values = new Map(); // what a person chose outlives a redraw of the same block and action, as in Slack
  }

  key(block, element) {
    return `${block.block_id}\n${element.action_id}`;
  }

  /** What was filled in, or what the app put there. */
  value(block, element, initial) {
    const key = this.key(block, element);
    if (!this.values.has(key)) this.values.set(key, { type: element.type, ...initial });
    return this.values.get(key);
  }

  set(block, element, value) {
    this.values.set(this.key(block, element), { type: element.type, ...value });
  }

  /** Slack's state.values of the blocks that are drawn now. */
  state(blocks) {
    const values = {};
    for (const block of blocks) {
      for (const element of [block.element, block.accessory, ...(block.elements ?? [])]) {
        const value = element?.action_id && this.values.get(this.key(block, element));
        if (value) (values[block.block_id] ??= {})[element.action_id] = value;
      }
    }
    return { values };
  }

  /** Sends block_actions; true when somebody acknowledged. */
  async press(block, element, chosen) {
    const body = { user: this.user, ...this.target, block_id: block.block_id, action_id: element.action_id };
    try {
      const answer = await api.press({ ...body, element: { type: element.type, ...chosen } });
      this.refused(answer.ok ? "" : answer.words);
      return answer.ok;
    } catch (error) {
      this.broken(error);
      return false;
    }
  }
}
